import { serve } from './forked.js'
import digest from './sha256-handler.js'

serve(digest)
