// What Sluice and AWS's variables say about this process. The environment is
// read once, before any user code; Sluice's private variables are removed from
// it then, so that a function sees AWS's environment and nothing else.

const PRIVATE = /^_SLUICE_|^_LAMBDA_TELEMETRY_LOG_FD$/

// The first major whose managed runtime is of generation 4 (node-runtime.md).
const FIRST_OF_GENERATION_4 = 24

/**
 * A setting that keeps the runtime from starting. The message is for whoever
 * started it, not for the function's author.
 */
export class SettingsError extends Error {}

/**
 * Reads the settings from env and removes the private variables.
 * @param {NodeJS.ProcessEnv} env
 */
export function readSettings(env) {
  const settings = {
    endpoint: endpoint(env),
    quirks: quirks(env),
    generation: generation(env.AWS_EXECUTION_ENV),
    taskRoot: env.LAMBDA_TASK_ROOT || process.cwd(),
    handler: env._HANDLER,
    logFd: descriptor(env._LAMBDA_TELEMETRY_LOG_FD),
    logJson: env.AWS_LAMBDA_LOG_FORMAT?.toUpperCase() === 'JSON',
    logLevel: env.AWS_LAMBDA_LOG_LEVEL?.toUpperCase(),
    globalAwslambda: !['1', 'true'].includes(env.AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA),
    callbackWarning: env.AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING === undefined,
  }
  if (!settings.handler) throw new SettingsError('_HANDLER is not set; it names the function, such as index.handler')
  for (const name of Object.keys(env)) if (PRIVATE.test(name)) delete env[name]
  return settings
}

function endpoint(env) {
  const address = env.AWS_LAMBDA_RUNTIME_API
  const socket = env._SLUICE_RUNTIME_SOCKET
  if (socket) return { path: socket, authority: address || 'localhost' }
  if (!address) {
    throw new SettingsError(
      'neither AWS_LAMBDA_RUNTIME_API (host:port) nor _SLUICE_RUNTIME_SOCKET (a Unix socket) is set; ' +
      'this program is started by Sluice, with the address of a Runtime API')
  }
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(address)
  if (!match || Number(match[3]) > 65535) {
    throw new SettingsError(`AWS_LAMBDA_RUNTIME_API is ${JSON.stringify(address)}; it must be host:port, such as 127.0.0.1:9001`)
  }
  return { host: match[1] ?? match[2], port: Number(match[3]), authority: address }
}

function quirks(env) {
  const value = env._SLUICE_QUIRKS || 'aws'
  if (value !== 'aws' && value !== 'fixed') {
    throw new SettingsError(`_SLUICE_QUIRKS is ${JSON.stringify(value)}; it must be aws or fixed`)
  }
  return value
}

function generation(executionEnv) {
  const major = /^AWS_Lambda_nodejs(\d+)/.exec(executionEnv ?? '')?.[1]
  return Number(major) >= FIRST_OF_GENERATION_4 ? 4 : 3
}

function descriptor(value) {
  if (value === undefined || value === '') return undefined
  if (!/^\d+$/.test(value)) {
    throw new SettingsError(`_LAMBDA_TELEMETRY_LOG_FD is ${JSON.stringify(value)}; it must be the number of an open file descriptor`)
  }
  return Number(value)
}
