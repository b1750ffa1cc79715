// From the handler string to the function. docs/contract/node-runtime.md §2.

import { existsSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { STREAMING } from './awslambda.mjs'
import {
  CallbackHandlerDeprecated, HandlerNotFound, MalformedHandlerName, MalformedStreamingHandler, importError, syntaxError,
} from './errors.mjs'

const require = createRequire(import.meta.url)

const CALLBACK_REFUSED = 'ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. ' +
  'You need to modify this function to use a supported handler signature to use Node.js 24 or later. ' +
  'For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.'
const CALLBACK_WARNING = 'AWS Lambda plans to remove support for callback-based function handlers starting with Node.js 24. ' +
  'You will need to update this function to use an async handler to use Node.js 24 or later. ' +
  'For more information and to provide feedback on this change, see ' +
  'https://github.com/aws/aws-lambda-nodejs-runtime-interface-client/issues/137. ' +
  'To disable this warning, set the AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING environment variable.'

/**
 * Loads the handler.
 * @param {ReturnType<import('./settings.mjs').readSettings>} settings
 * @param {import('./quirks.mjs').Quirks} quirks
 * @returns {Promise<{call: Function, streaming: boolean, async: boolean, parameters: number}>}
 * @throws what /init/error reports
 */
export async function loadHandler(settings, quirks) {
  const name = settings.handler
  if (name.includes('..')) {
    throw new MalformedHandlerName(`'${name}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`)
  }
  const base = path.basename(name)
  const match = /^([^.]*)\.(.*)$/.exec(base)
  if (!match) throw new MalformedHandlerName('Bad handler')
  const folder = name.slice(0, name.indexOf(base))
  const [, module, property] = match
  const exports = await load(settings, quirks, folder, module)
  const call = find(exports, property, settings.generation)
  if (!call) throw new HandlerNotFound(`${name} is undefined or not exported`)
  if (typeof call !== 'function') throw new HandlerNotFound(`${name} is not a function`)
  const handler = {
    call,
    streaming: isStreaming(call),
    async: call.constructor?.name === 'AsyncFunction',
    parameters: call.length,
  }
  checkCallback(handler, settings, quirks)
  return handler
}

function isStreaming(call) {
  const mark = call[STREAMING]
  if (mark === undefined || mark === null || mark === false) return false
  if (mark === 'response') return true
  throw new MalformedStreamingHandler('Only response streaming is supported.')
}

function checkCallback(handler, settings, quirks) {
  if (handler.streaming || handler.parameters < 3) return
  if (settings.generation >= 4) {
    if (quirks.fixed) return
    quirks.hint('callbackHandler')
    throw new CallbackHandlerDeprecated(CALLBACK_REFUSED)
  }
  if (handler.parameters === 3 && !handler.async && settings.callbackWarning) console.warn(CALLBACK_WARNING)
}

function find(exports, property, generation) {
  const walk = from => property.split('.').reduce((value, key) => value === undefined || value === null ? undefined : value[key], from)
  const found = walk(exports)
  // A CommonJS module that was imported has its exports in default.
  return !found && generation >= 4 && exports?.default ? walk(exports.default) : found
}

async function load(settings, quirks, folder, module) {
  const file = path.resolve(settings.taskRoot, folder, module)
  try {
    const loaded = await loadFile(file, settings.generation)
    if (loaded) return loaded
    const resolved = require.resolve(module, { paths: [settings.taskRoot, path.resolve(settings.taskRoot, folder)] })
    return settings.generation >= 4 ? await importFile(resolved) : require(resolved)
  } catch (error) {
    throw explain(error, file, quirks)
  }
}

/** The exports of the first file that exists, or undefined. */
async function loadFile(file, generation) {
  for (const extension of ['', '.js', '.mjs', '.cjs']) {
    const candidate = file + extension
    if (!existsSync(candidate)) continue
    if (generation >= 4) {
      if (statSync(candidate).isFile()) return importFile(candidate) // a folder can't be imported
      continue
    }
    const esm = extension === '.mjs' || (extension === '.js' && packageIsModule(path.dirname(file)))
    const loaded = esm ? await importFile(candidate) : require(candidate)
    if (loaded) return loaded
  }
  return undefined
}

function importFile(file) {
  return import(pathToFileURL(file).href)
}

// Whether the nearest package.json says "type": "module".
function packageIsModule(folder) {
  for (let at = folder; path.basename(at) !== 'node_modules'; at = path.dirname(at)) {
    const file = path.join(at, 'package.json')
    if (existsSync(file)) {
      try {
        return JSON.parse(readFileSync(file, 'utf8'))?.type === 'module'
      } catch (error) {
        console.warn(`${file} cannot be read, it will be ignored for ES module detection purposes.`, error)
        return false
      }
    }
    if (path.dirname(at) === at) return false
  }
  return false
}

const ESM_IN_COMMONJS = /Cannot use import statement outside a module|Unexpected token '?export'?|Cannot use 'import\.meta' outside a module/

function explain(error, file, quirks) {
  if (error instanceof SyntaxError) {
    if (ESM_IN_COMMONJS.test(error.message)) quirks.hint('esmSyntax', path.basename(file) + '.js')
    return syntaxError(error)
  }
  if (error?.code === 'MODULE_NOT_FOUND') return importError(error)
  if (error?.code === 'ERR_MODULE_NOT_FOUND') {
    if (quirks.fixed) return importError(error)
    quirks.hint('importErrorName')
  }
  return error
}
