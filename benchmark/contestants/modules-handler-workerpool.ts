import workerpool from 'workerpool'
import increment from './modules-handler.js'

workerpool.worker({ increment })
