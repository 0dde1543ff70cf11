import { ThreadWorker } from 'poolifier'
import increment from './modules-handler.js'

export default new ThreadWorker<number, number>((value) => increment(value as number))
