// The entry of Sluice's managed Node.js runtime; see README.md.

import { complain } from './last-words.mjs'
import { Runtime } from './runtime.mjs'
import { SettingsError, readSettings } from './settings.mjs'

try {
  // Not awaited: with an empty event loop the process exits with 0, as on AWS.
  new Runtime(readSettings(process.env)).run()
} catch (error) {
  if (!(error instanceof SettingsError)) throw error
  complain(`[sluice] the Node.js runtime can't start: ${error.message}\n`)
  process.exit(1)
}
