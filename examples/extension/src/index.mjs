// Three pieces, a little apart; the extension will tell how long they took.
export const handler = awslambda.streamifyResponse(async (event, stream) => {
  for (const piece of ['one ', 'two ', 'three\n']) {
    stream.write(piece)
    await new Promise(resolve => setTimeout(resolve, 200))
  }
  stream.end()
})
