// The body beside its picture, as it arrives: text, Server-Sent Events or a page.

import { h, replace } from './dom.mjs'
import * as format from './format.mjs'
import { Splitter } from './prelude.mjs'
import { Parser } from './sse.mjs'

const mostKept = 4 << 20 // bytes
const piece = 64 << 10 // and how they are cut
const blockSize = 4 << 10 // characters
const mostEvents = 500
const pause = 200 // ms between two updates

const kinds = { text: 'Text', events: 'Events', html: 'Page' }

// guess says how a body is best shown, from its content type or its beginning.
export function guess(contentType, start) {
  if (/^text\/event-stream\b/i.test(contentType)) return 'events'
  if (/^(text\/html|application\/xhtml)/i.test(contentType)) return 'html'
  if (contentType) return 'text'
  if (/^\s*(<!doctype html|<html|<head|<body|<main|<div|<h1|<p)\b/i.test(start)) return 'html'
  if (/^\ufeff?((data|event|id|retry):|:)/.test(start)) return 'events'
  return 'text'
}

// contentType finds that header in a prelude.
export function contentType(head) {
  const found = Object.entries(head?.headers ?? {}).find(([name]) => name.toLowerCase() === 'content-type')
  return found ? String(found[1]) : ''
}

let bodies = 0

// Body is fed with the chunks of a stream. A new stream takes a new Body.
export class Body {
  #split = new Splitter()
  #text = new TextDecoder()
  #pieces = [] // {t, text, size}, as far as they are kept
  #size = 0 // of the whole body, in bytes
  #chosen = null // by the user
  #view = null
  #timer = null
  #ended = false
  #head = h('div', { class: 'head-place' })
  #place = h('div', null, h('p', { class: 'waiting' }, 'Nothing has arrived yet.'))
  #note = h('p', { class: 'soft small', hidden: true })
  #group = `kind-${bodies++}`
  #known = null // status and headers that did not come in a prelude
  #choices = Object.entries(kinds).map(([kind, label]) => {
    const input = h('input', { type: 'radio', name: this.#group, value: kind, onchange: () => this.#choose(kind) })
    return h('label', null, input, label)
  })

  element = h(
    'section',
    { class: 'body', 'aria-label': 'Body' },
    h('div', { class: 'bar' }, h('h3', null, 'Body'), h('fieldset', { class: 'kinds' }, h('legend', { class: 'hidden' }, 'Show the body as'), this.#choices)),
    this.#head,
    this.#place,
    this.#note,
  )

  // head is called before the first chunk of a response that has no prelude.
  head(statusCode, headers) {
    this.#known = { statusCode, headers: Object.fromEntries(headers) }
    this.#showHead(this.#known, '')
  }

  push(bytes, t) {
    this.#add(this.#known ? bytes : this.#split.push(bytes), t)
  }

  #add(bytes, t) {
    if (this.#split.head && !this.#head.hasChildNodes()) this.#showHead(this.#split.head, `, from a prelude of ${format.bytes(this.#split.size)}`)
    if (bytes.length === 0) return
    for (let at = 0; at < bytes.length && this.#size + at < mostKept; at += piece) {
      const part = bytes.subarray(at, at + piece)
      this.#pieces.push({ t, text: this.#text.decode(part, { stream: true }), size: part.length })
    }
    this.#size += bytes.length
    this.#timer ??= setTimeout(() => this.#update(), this.#view ? pause : 0)
  }

  end(t) {
    this.#add(this.#split.end(), t)
    const rest = this.#text.decode()
    if (rest) this.#pieces.push({ t, text: rest, size: 0 })
    this.#ended = true
    clearTimeout(this.#timer)
    this.#update()
    this.#view?.end?.()
    if (this.#size === 0) replace(this.#place, h('p', { class: 'empty' }, 'The body is empty.'))
  }

  // close ends what the view has going on.
  close() {
    clearTimeout(this.#timer)
  }

  #showHead({ statusCode = 200, headers = {}, cookies = [] }, origin) {
    const lines = [...Object.entries(headers).map(([name, value]) => `${name}: ${value}`), ...[].concat(cookies).map((cookie) => `set-cookie: ${cookie}`)]
    replace(
      this.#head,
      h(
        'details',
        { class: 'head' },
        h('summary', null, h('span', { class: statusCode < 400 ? 'badge good' : 'badge bad' }, `status ${statusCode}`), ` ${lines.length} headers${origin}`),
        h('pre', { class: 'headers' }, lines.join('\n')),
      ),
    )
  }

  #choose(kind) {
    this.#chosen = kind
    this.#view = null
    this.#update()
    if (this.#ended) this.#view?.end?.()
  }

  #update() {
    this.#timer = null
    if (!this.#view) {
      const kind = this.#chosen ?? guess(contentType(this.#known ?? this.#split.head), this.#pieces.map(({ text }) => text).join('').slice(0, 200))
      for (const choice of this.#choices) {
        const input = choice.querySelector('input')
        input.checked = input.value === kind
      }
      this.#view = new views[kind]()
      this.#view.next = 0 // of the pieces
      this.#view.size = 0 // of those that it was shown
      replace(this.#place, this.#view.element)
    }
    const view = this.#view
    const fresh = []
    for (; view.next < this.#pieces.length && view.size < view.most; view.next++) {
      fresh.push(this.#pieces[view.next])
      view.size += this.#pieces[view.next].size
    }
    if (fresh.length > 0) view.show(fresh)
    const missing = this.#size - view.size
    this.#note.hidden = missing === 0
    if (missing > 0) replace(this.#note, `${format.bytes(missing)} more came and ${missing === 1 ? 'is' : 'are'} not shown.`)
  }
}

// TextView is made of blocks, of which a browser lays out those that are in sight:
// of one long text it would lay out all, which shows in the times of the chunks.
class TextView {
  most = 1 << 20
  element = h('div', { class: 'text', role: 'region', tabindex: '0', 'aria-label': 'Text' })
  #block = null
  #size = 0 // of the block

  show(pieces) {
    stick(this.element, () => pieces.forEach(({ text }) => this.#append(text)))
  }

  // A block ends with a line; one that has none in it goes on for long.
  #append(text) {
    while (text !== '') {
      if (!this.#block) {
        this.#block = h('pre', { class: 'block' })
        this.#size = 0
        this.element.append(this.#block)
      }
      const room = Math.max(0, blockSize - this.#size)
      const end = text.indexOf('\n', room)
      const cut = end >= 0 ? end + 1 : text.length
      this.#block.append(document.createTextNode(text.slice(0, cut)))
      this.#size += cut
      if (end >= 0) this.#block = null
      text = text.slice(cut)
    }
  }
}

class EventsView {
  most = mostKept
  element = h('ol', { class: 'events', tabindex: '0', 'aria-label': 'Events' })
  #parser = new Parser()

  show(pieces) {
    stick(this.element, () => {
      for (const { t, text } of pieces) {
        for (const { event, data, id } of this.#parser.push(text)) {
          const what = [event, id && `id ${id}`].filter(Boolean).join(', ')
          this.element.append(h('li', null, h('span', { class: 'soft small' }, h('span', null, what), h('span', null, format.ms(t))), h('pre', null, data)))
        }
      }
      while (this.element.children.length > mostEvents) this.element.firstChild.remove()
    })
  }

  end() {
    if (!this.element.hasChildNodes()) replace(this.element, h('li', { class: 'empty' }, 'There is no complete event in this body.'))
  }
}

// PageView writes into a frame without an origin, whose policy runs nothing of what
// is written: see frame.html.
class PageView {
  most = 1 << 20
  element = h('iframe', { sandbox: 'allow-scripts', title: 'Page', src: 'frame.html', referrerpolicy: 'no-referrer' })
  #channel = new MessageChannel()
  #handed = false

  constructor() {
    // The port keeps what is sent before the frame listens.
    this.element.addEventListener('load', () => {
      if (this.#handed) return
      this.#handed = true
      this.element.contentWindow.postMessage('', '*', [this.#channel.port2])
    })
  }

  show(pieces) {
    this.#channel.port1.postMessage(pieces.map(({ text }) => text).join(''))
  }

  end() {
    this.#channel.port1.postMessage(null)
  }
}

const views = { text: TextView, events: EventsView, html: PageView }

// stick keeps a list at its end while it grows, unless somebody scrolled up.
function stick(element, grow) {
  const atEnd = element.scrollHeight - element.scrollTop - element.clientHeight < 40
  grow()
  if (atEnd) element.scrollTop = element.scrollHeight
}
