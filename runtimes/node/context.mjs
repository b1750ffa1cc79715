// The context object of an invocation. docs/contract/node-runtime.md §5.

import { PlatformError } from './errors.mjs'

const REQUIRED = [
  'AWS_LAMBDA_FUNCTION_NAME', 'AWS_LAMBDA_FUNCTION_VERSION', 'AWS_LAMBDA_FUNCTION_MEMORY_SIZE',
  'AWS_LAMBDA_LOG_GROUP_NAME', 'AWS_LAMBDA_LOG_STREAM_NAME',
]

/**
 * Makes the part of the context that all handlers have.
 * @param {import('./runtime-api.mjs').Event} event
 * @param {number} generation
 * @throws {Error} when client context or identity are not JSON, or generation 4
 *   misses one of its variables
 */
export function makeContext(event, generation) {
  const env = process.env
  const context = {
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parse(event.clientContext, 'ClientContext', generation),
    identity: parse(event.identity, 'CognitoIdentity', generation),
    invokedFunctionArn: event.arn,
    awsRequestId: event.id,
    tenantId: event.tenantId,
    getRemainingTimeInMillis: () => event.deadline - Date.now(),
  }
  if (generation >= 4) {
    const missing = REQUIRED.filter(name => !env[name])
    if (missing.length > 0) throw new PlatformError(`Missing required environment variables: ${missing.join(', ')}`)
    context.xRayTraceId = event.traceId
  } else {
    context.callbackWaitsForEmptyEventLoop = true
  }
  return context
}

function parse(text, what, generation) {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch (error) {
    const message = `Cannot parse ${what} as json: ${error}`
    throw generation >= 4 ? new PlatformError(message) : new Error(message)
  }
}
