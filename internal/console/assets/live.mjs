// Invocations as they end: one stream of events for the whole page, and what it
// told so far.

import * as api from './api.mjs'
import { account } from './records.mjs'
import { MB } from './scale.mjs'
import { Parser } from './sse.mjs'

const kept = 2000
const rateWindow = 60_000

const records = new Map() // by request id, oldest first
let there = [] // environments

// limits are what a streamed response is held to: AWS's until the server told.
export let limits = { streamBurst: 6 * MB, streamRate: 2 * MB }

// feed dispatches "invocation", with the record as detail, "limits", "environments" and
// "state".
export const feed = new EventTarget()

// state is "connecting", "live", "paused" or "absent"; `problem` says why it is not
// live.
export let state = 'connecting'
export let problem = ''

export const find = (id) => records.get(id)

// of returns what is known of a function's invocations, of all for "", oldest first.
export const of = (name) => [...records.values()].filter((record) => name === '' || record.function === name).sort((a, b) => Date.parse(a.time) - Date.parse(b.time))

// environments returns those that there are, oldest first.
export const environments = () => there

// remember takes records from elsewhere.
export function remember(list) {
  for (const record of [...list].reverse()) keep(record)
}

// rates sums up a function's last minute.
export function rates(name, now = Date.now()) {
  let invocations = 0
  let failed = 0
  let bytes = 0
  let firstBytes = 0
  let answered = 0
  for (const record of records.values()) {
    if (record.function !== name || now - ended(record) > rateWindow) continue
    invocations++
    if (['function', 'server'].includes(account(record))) failed++
    bytes += record.bytes ?? 0
    if (record.bytes > 0) {
      answered++
      firstBytes += record.firstByteMs ?? 0
    }
  }
  return { invocations, failed, bytes, firstByteMs: answered ? firstBytes / answered : null }
}

const ended = (record) => Date.parse(record.time) + (record.durationMs ?? 0)

function keep(record) {
  if (!record.requestId) return
  records.set(record.requestId, record)
  if (records.size > kept) records.delete(records.keys().next().value)
}

function become(next, why = '') {
  state = next
  problem = why
  feed.dispatchEvent(new Event('state'))
}

// start keeps the stream open while the page is visible; browsers open few
// connections to one server, and hidden pages should not hold them.
export function start() {
  let controller = null
  const change = () => {
    controller?.abort()
    controller = null
    if (document.hidden) {
      become('paused')
      return
    }
    controller = new AbortController()
    run(controller.signal)
  }
  document.addEventListener('visibilitychange', change)
  change()
}

async function run(signal) {
  for (let pause = 500; !signal.aborted; pause = Math.min(pause * 2, 10_000)) {
    try {
      const response = await api.events(signal)
      remember(await api.invocations({ limit: 500 }, signal))
      become('live')
      pause = 500
      await read(response.body)
      throw new Error('The server ended the stream of events.')
    } catch (error) {
      if (signal.aborted) return
      if (error.status === 404 || error.status === 403) {
        become('absent', error.status === 404 ? 'This server does not tell about invocations.' : error.message)
        return
      }
      become('connecting', error.message)
    }
    await new Promise((resolve) => setTimeout(resolve, pause))
  }
}

// read dispatches what the server tells, until it ends.
async function read(body) {
  const parser = new Parser()
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    for (const { event, data } of parser.push(value)) {
      if (event === 'invocation') {
        const record = JSON.parse(data)
        keep(record)
        feed.dispatchEvent(new CustomEvent('invocation', { detail: record }))
      } else if (event === 'limits') {
        limits = JSON.parse(data)
        feed.dispatchEvent(new Event('limits'))
      } else if (event === 'environments') {
        there = JSON.parse(data) ?? []
        feed.dispatchEvent(new Event('environments'))
      }
    }
  }
}
