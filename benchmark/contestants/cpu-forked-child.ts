import work from './cpu-handler.js'
import { serve } from './forked.js'

serve(work)
