// The keys that requests are signed with. A server on a developer's machine takes
// any; the page asks for real ones once a server refuses these. They stay in this
// tab and are gone with it.

import { h, replace } from './dom.mjs'

const place = 'sluice-credentials'
const madeUp = { key: 'SLUICECONSOLE', secret: 'none', region: 'us-east-1' }

let used = stored() ?? madeUp
let asking = null

export const current = () => used

export const areReal = () => used.key !== madeUp.key

// changed tells the page that keys were given or forgotten.
export const changed = new EventTarget()

export function keep(credentials) {
  used = credentials
  try {
    sessionStorage.setItem(place, JSON.stringify(credentials))
  } catch {
    // Then they are kept until the page is reloaded.
  }
  changed.dispatchEvent(new Event('change'))
}

export function forget() {
  used = madeUp
  try {
    sessionStorage.removeItem(place)
  } catch {
    // Nothing was stored.
  }
  changed.dispatchEvent(new Event('change'))
}

// ask shows the form and returns when keys were given. Requests that fail at the
// same time share one form; whoever turns away is rejected with an AbortError.
export function ask(reason, before, signal) {
  asking ??= form(reason, before).finally(() => (asking = null))
  if (!signal) return asking
  return Promise.race([
    asking,
    new Promise((_, reject) => {
      const stop = () => reject(new DOMException('aborted', 'AbortError'))
      if (signal.aborted) stop()
      signal.addEventListener('abort', stop)
    }),
  ])
}

function form(reason, before) {
  return new Promise((resolve) => {
    const known = before.key !== madeUp.key
    const key = field('Access key ID', { autocomplete: 'username', required: true, spellcheck: 'false', value: known ? before.key : null })
    const secret = field('Secret access key', { type: 'password', autocomplete: 'off', required: true })
    const region = field('Region', { required: true, spellcheck: 'false', value: before.region })
    const submit = (event) => {
      event.preventDefault()
      replace(place)
      keep({ key: value(key), secret: value(secret), region: value(region) })
      resolve()
    }
    const place = document.getElementById('credentials')
    replace(
      place,
      h(
        'form',
        { class: 'panel credentials', onsubmit: submit },
        h('h2', null, 'This server asks for credentials'),
        h('p', null, 'Those of its credentials file, or ask whoever runs it. They stay in this tab; the secret signs requests and is never sent.'),
        known && h('p', { class: 'failure', role: 'alert' }, reason),
        h('div', { class: 'fields' }, key, secret, region),
        h('button', { class: 'primary' }, 'Use these'),
      ),
    )
    key.querySelector('input').focus()
  })
}

const field = (label, properties) => h('label', null, h('span', null, label), h('input', properties))

const value = (label) => label.querySelector('input').value.trim()

function stored() {
  try {
    return JSON.parse(sessionStorage.getItem(place))
  } catch {
    return null
  }
}
