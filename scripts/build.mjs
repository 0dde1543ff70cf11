import { build, installDependencies, isBuilt } from './steps.mjs'
import { checkNode, checkRust } from './toolchain.mjs'

checkNode()
if (!isBuilt()) {
  checkRust()
  installDependencies()
  build()
}
