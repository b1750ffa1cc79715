// The form of what is sent: an event, or a request to the Function URL.

import { h, replace } from './dom.mjs'
import { recall, remember } from './memory.mjs'
import * as http from './request.mjs'

const write = (value) => JSON.stringify(value, null, 2)

const post = { ...http.empty, method: 'POST', headers: 'content-type: application/json', body: '{"name":"Ada"}' }

const samples = { 'Empty event': () => ({}), 'GET of a Function URL': () => http.event(http.empty), 'POST of a Function URL': () => http.event(post) }

const field = (label, element, kind) => h('label', { class: kind }, h('span', null, label), element)

// Composer is the form for a function and its Function URLs, with the buttons that
// it is given. It calls onsend when a key asks to send. What kind of thing is sent is
// chosen with `kinds`, which is false where there is one.
export class Composer {
  #name
  #urls
  #kinds = new Map()
  #place

  constructor(name, urls, buttons, onsend) {
    this.#name = name
    this.#urls = urls
    const kept = recall(`request:${name}`) ?? http.empty
    const plain = { spellcheck: 'false', autocapitalize: 'off', autocomplete: 'off' }
    this.event = h('textarea', { ...plain, id: 'event', rows: '9', 'aria-describedby': 'problem', oninput: () => this.value() })
    this.event.value = recall(`event:${name}`) ?? write({})
    this.sample = h('select', { 'aria-label': 'Put in a sample event', onchange: () => this.#fill() }, h('option', { value: '' }, 'Samples …'), Object.keys(samples).map((label) => h('option', null, label)))
    this.method = h('select', { onchange: () => this.#arrange() }, http.methods.map((method) => h('option', { selected: method === kept.method }, method)))
    this.url = h('select', null, urls.map((url, i) => h('option', { value: i }, http.qualifier(url) || 'the function')))
    this.path = h('input', { ...plain, value: kept.path })
    this.query = h('input', { ...plain, value: kept.query, placeholder: 'name=value&…' })
    this.headers = h('textarea', { ...plain, rows: '3', placeholder: 'name: value', 'aria-describedby': 'problem', oninput: () => this.value() })
    this.headers.value = kept.headers
    this.body = h('textarea', { ...plain, rows: '5' })
    this.body.value = kept.body
    this.bodyField = field('Body', this.body)
    this.details = h('div', { id: 'details', class: 'fields' }, field('Headers', this.headers), this.bodyField)
    this.more = h('button', { type: 'button', class: 'more', 'aria-controls': 'details', onclick: () => this.#expand(this.details.hidden) }, 'Headers and body')
    this.#expand(kept.headers !== '' || http.hasBody(kept.method))
    this.problem = h('p', { id: 'problem', class: 'failure', role: 'alert', hidden: true })

    const kinds = urls.length > 0 ? ['Function URL', 'Event as JSON'] : []
    const chosen = recall(`send:${name}`) ?? kinds[0]
    for (const kind of kinds) this.#kinds.set(kind, h('input', { type: 'radio', name: 'send', checked: kind === chosen, onchange: () => this.#arrange() }))
    this.kinds = kinds.length > 0 && h('fieldset', { class: 'kinds' }, h('legend', { class: 'hidden' }, 'Send'), [...this.#kinds].map(([kind, input]) => h('label', null, input, kind)))
    this.#place = h('div')
    this.element = h(
      'form',
      { class: 'composer', onsubmit: (e) => (e.preventDefault(), onsend()), onkeydown: (e) => this.#shortcut(e, onsend) },
      this.#place,
      this.problem,
      h('div', { class: 'buttons' }, buttons, this.more),
    )
    this.#arrange()
  }

  // isRequest tells that a request is sent, not an event.
  get isRequest() {
    return this.#kinds.get('Function URL')?.checked === true
  }

  #arrange() {
    this.problem.hidden = true
    this.more.hidden = !this.isRequest
    if (!this.isRequest) {
      replace(this.#place, h('div', { class: 'bar' }, h('label', { for: 'event' }, 'Event'), this.sample), this.event)
      return
    }
    this.bodyField.hidden = !http.hasBody(this.method.value)
    if (!this.bodyField.hidden) this.#expand(true)
    replace(
      this.#place,
      h('div', { class: 'fields request' }, this.#urls.length > 1 && field('URL of', this.url, 'short'), field('Method', this.method, 'short'), field('Path', this.path), field('Query', this.query)),
      this.details,
    )
  }

  #expand(yes) {
    this.details.hidden = !yes
    this.more.setAttribute('aria-expanded', String(yes))
  }

  #fill() {
    if (this.sample.value) this.event.value = write(samples[this.sample.value]())
    this.sample.value = ''
    this.value()
  }

  #shortcut(event, onsend) {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return
    event.preventDefault()
    onsend()
  }

  // value returns what to send, {event} or {url, request}, or null, and says why,
  // when it can't be sent.
  value() {
    const input = this.isRequest ? this.headers : this.event
    let value = null
    let why = ''
    try {
      if (this.isRequest) {
        const request = { method: this.method.value, path: this.path.value, query: this.query.value, headers: this.headers.value, body: http.hasBody(this.method.value) ? this.body.value : '' }
        http.parse(request.headers)
        value = { url: this.#urls[Number(this.url.value)], request }
      } else {
        JSON.parse(this.event.value)
        value = { event: this.event.value }
      }
    } catch (error) {
      why = this.isRequest ? error.message : `This is not JSON: ${error.message}`
    }
    replace(this.problem, why)
    this.problem.hidden = why === ''
    input.setAttribute('aria-invalid', String(why !== ''))
    return value
  }

  // take is value for sending: it is remembered, and what is wrong gets the focus.
  take() {
    const value = this.value()
    if (!value) {
      const input = this.isRequest ? this.headers : this.event
      this.#expand(true)
      input.focus()
      return null
    }
    if (value.request) remember(`request:${this.#name}`, value.request)
    else remember(`event:${this.#name}`, value.event)
    const kind = [...this.#kinds].find(([, radio]) => radio.checked)
    if (kind) remember(`send:${this.#name}`, kind[0])
    return value
  }
}
