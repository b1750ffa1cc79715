import { Suspense, createElement as h, use } from 'react'
import { renderToPipeableStream } from 'react-dom/server'

function Data({ promise }) {
  return h('p', { id: 'data' }, use(promise))
}

export const handler = awslambda.streamifyResponse(async (event, responseStream) => {
  const stream = awslambda.HttpResponseStream.from(responseStream, {
    statusCode: 200,
    headers: { 'content-type': 'text/html; charset=utf-8' },
  })
  const data = new Promise((resolve) => setTimeout(resolve, 400, 'the data'))
  await new Promise((resolve, reject) => {
    stream.on('finish', resolve).on('error', reject)
    const { pipe } = renderToPipeableStream(
      h('html', null, h('body', null, h('h1', null, 'shell'), h(Suspense, { fallback: 'loading' }, h(Data, { promise: data })))),
      { onShellReady: () => pipe(stream), onError: reject },
    )
  })
})
