import './setup.mjs'
import { build } from './steps.mjs'

build()
