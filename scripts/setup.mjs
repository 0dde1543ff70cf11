import { installDependencies } from './steps.mjs'
import { checkToolchain } from './toolchain.mjs'

checkToolchain()
installDependencies()
