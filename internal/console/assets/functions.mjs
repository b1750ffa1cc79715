// The list of functions.

import * as api from './api.mjs'
import { failure, functionLink, h, replace } from './dom.mjs'
import * as format from './format.mjs'
import { feed, rates, state } from './live.mjs'

// numeric columns stand to the right, like their heads.
const numeric = new Set(['Memory', 'Timeout'])

export const title = () => 'Functions'

export async function render(place, _, signal) {
  replace(place, h('h1', null, 'Functions'), h('p', { class: 'soft' }, 'Asking the server …'))
  let list
  try {
    list = await api.functions(signal)
  } catch (error) {
    if (signal.aborted) return
    replace(place, h('h1', null, 'Functions'), failure(error, 'The functions could not be listed'))
    return
  }
  if (list.length === 0) {
    replace(
      place,
      h('h1', null, 'Functions'),
      h('div', { class: 'empty' }, h('p', null, 'No functions yet: deploy one with'), h('pre', null, 'sluice deploy PATH'), h('p', { class: 'soft' }, 'and reload this page.')),
    )
    return
  }
  const rows = list.map((configuration) => row(configuration, signal))
  replace(
    place,
    h('h1', null, 'Functions'),
    h(
      'div',
      { class: 'scroll', role: 'region', 'aria-label': 'Functions', tabindex: '0' },
      h(
        'table',
        { class: 'cards functions' },
        h(
          'thead',
          null,
          h('tr', null, ['Name', 'Runtime', 'Memory', 'Timeout', 'URL', 'Last minute'].map((text) => h('th', { scope: 'col', class: numeric.has(text) ? 'number' : '' }, text))),
        ),
        h('tbody', null, rows),
      ),
    ),
  )
}

function row(configuration, signal) {
  const name = configuration.FunctionName
  const urls = h('td', { 'data-label': 'URL' }, '…')
  const rate = h('td', { 'data-label': 'Last minute', class: 'rate' })
  fillURLs(urls, name, signal)
  const update = () => replace(rate, describe(rates(name)))
  update()
  const timer = setInterval(update, 5000)
  signal.addEventListener('abort', () => clearInterval(timer))
  feed.addEventListener('invocation', (event) => event.detail.function === name && update(), { signal })
  feed.addEventListener('state', update, { signal })
  return h(
    'tr',
    null,
    h('th', { scope: 'row' }, functionLink(name), configuration.Description && h('div', { class: 'soft small' }, configuration.Description)),
    h('td', { 'data-label': 'Runtime' }, configuration.Runtime ?? configuration.PackageType),
    h('td', { 'data-label': 'Memory', class: 'number' }, `${configuration.MemorySize} MB`),
    h('td', { 'data-label': 'Timeout', class: 'number' }, `${configuration.Timeout} s`),
    urls,
    rate,
  )
}

async function fillURLs(place, name, signal) {
  try {
    const list = await api.urls(name, signal)
    replace(place, list.length === 0 ? h('span', { class: 'soft' }, 'none') : list.map(urlLine))
  } catch (error) {
    if (!signal.aborted) replace(place, h('span', { class: 'soft' }, error.message))
  }
}

// urlLine shows a Function URL with what matters about it.
export function urlLine(url) {
  const address = /^https?:\/\//.test(url.FunctionUrl) ? h('a', { href: url.FunctionUrl, rel: 'noreferrer noopener', target: '_blank' }, url.FunctionUrl) : url.FunctionUrl
  const streams = url.InvokeMode === 'RESPONSE_STREAM'
  return h(
    'div',
    { class: 'url' },
    h('span', { class: streams ? 'badge good' : 'badge' }, streams ? 'streams' : 'buffered'),
    url.AuthType === 'AWS_IAM' && h('span', { class: 'badge' }, 'signed only'),
    ' ',
    address,
  )
}

function describe({ invocations, failed, bytes, firstByteMs }) {
  if (invocations === 0) return h('span', { class: 'soft' }, state === 'live' ? 'quiet' : '–')
  return [
    h('strong', null, format.count(invocations)),
    invocations === 1 ? ' call' : ' calls',
    failed > 0 && [', ', h('span', { class: 'bad' }, `${format.count(failed)} ${failed === 1 ? 'error' : 'errors'}`)],
    h('div', { class: 'soft small' }, `first byte ${format.ms(firstByteMs)}, ${format.bytes(bytes)}`),
  ]
}
