import { installDependencies } from './steps.mjs'
import { checkNode, checkRust } from './toolchain.mjs'

checkNode()
checkRust()
installDependencies()
