// Starts real runtime processes with real handler files against an ApiServer.

import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { ApiServer } from './api-server.mjs'

export const ENTRY = fileURLToPath(new URL('../../index.mjs', import.meta.url))

const HINT = 0xa55a0103

// A test that waits in vain fails by this, with everything cleaned up.
const WATCHDOG_MILLIS = 30_000

/**
 * Runs a function.
 * @param {object} t the test's context: everything is cleaned up with it
 * @param {string | Record<string, string>} files the source of index.mjs, or files by name
 * @param {object} [options]
 * @param {3 | 4} [options.generation]
 * @param {'aws' | 'fixed'} [options.quirks]
 * @param {boolean} [options.frames] use the log descriptor (default), or stdout
 */
export async function start(t, files, options = {}) {
  const { generation = 3, quirks = 'aws', frames = true, handler = 'index.handler', unix = true, env = {}, node = [], onRequest } = options
  const root = mkdtempSync(path.join(os.tmpdir(), 'sluice-fn-'))
  for (const [name, source] of Object.entries(typeof files === 'string' ? { 'index.mjs': files } : files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true })
    writeFileSync(path.join(root, name), source)
  }
  const api = await ApiServer.start({ unix })
  api.onRequest = onRequest ?? null
  const child = spawn(process.execPath, [...node, ENTRY], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      TZ: ':UTC',
      AWS_LAMBDA_RUNTIME_API: api.authority,
      ...(unix ? { _SLUICE_RUNTIME_SOCKET: api.path } : {}),
      ...(frames ? { _LAMBDA_TELEMETRY_LOG_FD: '3' } : {}),
      _SLUICE_QUIRKS: quirks,
      AWS_EXECUTION_ENV: generation === 4 ? 'AWS_Lambda_nodejs24.x' : 'AWS_Lambda_nodejs20.x',
      AWS_LAMBDA_FUNCTION_NAME: 'test',
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '128',
      AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/test',
      AWS_LAMBDA_LOG_STREAM_NAME: '2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef',
      LAMBDA_TASK_ROOT: root,
      _HANDLER: handler,
      ...env,
    },
  })
  const fn = new Fn(root, api, child)
  const watchdog = setTimeout(() => fn.stop(), WATCHDOG_MILLIS)
  t.after(() => {
    clearTimeout(watchdog)
    return fn.stop()
  })
  return fn
}

class Fn {
  stdout = ''
  stderr = ''
  #frames = []
  constructor(root, api, child) {
    this.root = root
    this.api = api
    this.child = child
    child.stdout.on('data', data => { this.stdout += data })
    child.stderr.on('data', data => { this.stderr += data })
    child.stdio[3].on('data', data => this.#frames.push(data))
    /** Resolves with the exit code, or the signal, when all output is in. */
    this.exit = new Promise(resolve => child.on('close', (code, signal) => resolve(signal ?? code)))
    this.exit.then(() => { this.exited = true })
  }

  invoke(event, headers) {
    return this.api.invoke(event, headers)
  }

  /** Runs one invocation to its end, /next included. */
  async run(event, headers) {
    const request = await this.#alive(this.invoke(event, headers).done)
    await this.#alive(this.api.parked())
    await this.settled()
    return request
  }

  /** The report of a failed init. */
  initError() {
    return this.#alive(this.api.request(request => request.path.endsWith('/init/error')).then(request => request.done))
  }

  #alive(promise) {
    const died = this.exit.then(code => {
      throw new Error(`the runtime ended (${code}): ${this.log}${this.stderr}`)
    })
    died.catch(() => {})
    return Promise.race([promise, died])
  }

  /** The log's frames so far. */
  get frames() {
    const all = Buffer.concat(this.#frames)
    const frames = []
    for (let at = 0; at + 16 <= all.length;) {
      const length = all.readUInt32BE(at + 4)
      frames.push({ type: all.readUInt32BE(at), micros: all.readBigUInt64BE(at + 8), text: all.toString('utf8', at + 16, at + 16 + length) })
      at += 16 + length
    }
    return frames
  }

  get hints() {
    return this.frames.filter(frame => frame.type === HINT).map(frame => frame.text)
  }

  get log() {
    return this.frames.filter(frame => frame.type !== HINT).map(frame => frame.text).join('')
  }

  /**
   * Lets what was logged so far arrive. The runtime writes it at once, so that it
   * is in the pipe by now; a turn of the event loop reads it.
   */
  async settled() {
    for (let i = 0; i < 3; i++) await new Promise(resolve => setImmediate(resolve))
  }

  async stop() {
    this.child.kill('SIGKILL')
    await this.exit
    this.api.close()
    rmSync(this.root, { recursive: true, force: true })
  }
}
