// The page of one function: what it is, its stream as it comes, what it did.

import * as api from './api.mjs'
import { facts, failure, h, replace } from './dom.mjs'
import { environmentsView } from './environments.mjs'
import * as format from './format.mjs'
import { urlLine } from './functions.mjs'
import { recent } from './recent.mjs'
import { streamView } from './stream.mjs'

export const title = (name) => name

export async function render(place, name, signal) {
  const about = h('div', null, h('p', { class: 'soft' }, 'Asking the server …'))
  const head = [h('h1', null, name), about]
  replace(place, head)
  let configuration
  let urls
  try {
    configuration = await api.configuration(name, signal)
    urls = await api.urls(name, signal).catch((error) => (signal.aborted ? Promise.reject(error) : []))
  } catch (error) {
    if (!signal.aborted) replace(about, failure(error, 'The function could not be read'))
    return
  }
  replace(about, describe(configuration, urls))
  replace(place, head, streamView(name, urls, signal), environmentsView(name, signal), recent(name, signal))
}

function describe(c, urls) {
  return [
    c.Description && h('p', { class: 'description' }, c.Description),
    urls.map(urlLine),
    h(
      'details',
      null,
      h('summary', null, `${c.Runtime ?? c.PackageType}, ${c.MemorySize} MB, at most ${c.Timeout} s`),
      facts([
        ['Handler', c.Handler],
        ['Architecture', (c.Architectures ?? []).join(', ')],
        ['State', c.State ?? '–'],
        ['Version', c.Version],
        ['Code', format.bytes(c.CodeSize)],
        ['/tmp', `${c.EphemeralStorage?.Size ?? 512} MB`],
        ['Changed', c.LastModified],
        ['Layers', c.Layers?.length ? c.Layers.map((layer) => h('div', { class: 'break' }, layer.Arn)) : 'none'],
        // Values of variables are often secrets, and this page is often on a screen
        // that others see.
        ['Variables', Object.keys(c.Environment?.Variables ?? {}).join(', ') || 'none'],
        ['ARN', h('span', { class: 'break' }, c.FunctionArn)],
      ].filter(([, value]) => value)),
    ),
  ]
}
