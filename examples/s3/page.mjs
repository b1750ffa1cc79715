// The list of the objects, and a panel for each one that is downloaded here.

import { Transfer } from './transfer.mjs'

const $ = id => document.getElementById(id)
const objects = $('objects'), note = $('note'), more = $('more')
let after = ''

more.addEventListener('click', load)
load()

async function load() {
  more.disabled = true
  try {
    const response = await fetch('objects' + (after && `?after=${encodeURIComponent(after)}`), { headers: { accept: 'application/json' } })
    const page = await response.json()
    if (!response.ok) throw new Error(page.error?.message ?? `The function failed (status ${response.status}).`)
    const first = page.objects.map(show)[0]
    if (after) first?.querySelector('.start').focus()
    after = page.next
    const count = objects.childElementCount
    $('count').textContent = `${count}${after ? ' and more' : ''}`
    say(count === 0 && !after ? 'There are no files in the bucket.' : '')
  } catch (error) {
    // Whatever is not JSON did not come from the function's code.
    say(error instanceof TypeError || error instanceof SyntaxError ? 'The list could not be read.' : error.message, true)
  }
  more.hidden = !after && !note.classList.contains('bad')
  more.textContent = note.classList.contains('bad') ? 'Try again' : 'More'
  more.disabled = false
}

function say(text, bad = false) {
  note.textContent = text
  note.classList.toggle('bad', bad)
}

function show({ key, size, modified }) {
  const item = $('object').content.firstElementChild.cloneNode(true)
  // One segment, slashes encoded: a browser resolves what looks like ../ in a path.
  const address = `objects/${encodeURIComponent(key)}`
  const link = item.querySelector('.key')
  link.textContent = key
  link.href = address
  link.download = ''
  item.querySelector('.size').textContent = bytes(size)
  const time = item.querySelector('time')
  time.dateTime = modified
  time.textContent = new Date(modified).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' })
  const start = item.querySelector('.start')
  start.setAttribute('aria-label', `Download ${key}`)
  start.addEventListener('click', () => download(item, address, key, size))
  objects.append(item)
  return item
}

function download(item, address, key, size) {
  const part = name => item.querySelector('.' + name)
  const start = part('start'), panel = part('transfer')
  let saved = null
  let drawn = 0
  let discarded = false // perhaps while a checksum is computed
  const transfer = new Transfer(address, size, () => { if (!discarded) drawn ||= requestAnimationFrame(draw) })
  // While nothing arrives, time goes on.
  const clock = setInterval(() => { if (transfer.state === 'running') draw() }, 250)

  const hadFocus = document.activeElement === start
  start.hidden = true
  panel.hidden = false
  part('pause').onclick = () => { transfer.pause(); part('resume').focus() }
  part('resume').onclick = () => { transfer.run(); part('pause').focus() }
  part('discard').onclick = () => {
    discarded = true
    transfer.pause()
    cancelAnimationFrame(drawn)
    clearInterval(clock)
    URL.revokeObjectURL(saved)
    panel.hidden = true
    start.hidden = false
    start.focus()
  }
  transfer.run()
  draw()
  if (hadFocus) part('pause').focus()

  function draw() {
    drawn = 0
    const { state, received, firstByte, elapsed, verdict } = transfer
    const running = state === 'running'
    panel.dataset.state = state
    part('arrived').textContent = `${bytes(received)} of ${bytes(transfer.size)}`
    const rate = running ? transfer.rate : received / elapsed * 1000
    part('rate').textContent = elapsed > 0 ? `${bytes(rate)}/s` : '–'
    part('rate').previousElementSibling.textContent = running ? 'Now' : 'On average'
    part('first').textContent = firstByte === null ? '–' : `${Math.round(firstByte)} ms`
    part('time').textContent = seconds(elapsed)
    item.querySelector('progress').value = transfer.size > 0 ? received / transfer.size : Number(state === 'complete')
    curve(running ? [...transfer.samples, [elapsed, received]] : transfer.samples, elapsed)

    part('pause').hidden = !running
    part('resume').hidden = state !== 'paused' && state !== 'failed'
    const text = part('verdict')
    const said = verdict?.text ?? (transfer.message || (state === 'paused' ? 'Paused. What has arrived is kept.' : state === 'checking' ? 'Checking …' : ''))
    if (text.textContent !== said) text.textContent = said
    text.classList.toggle('good', verdict?.kind === 'verified')
    text.classList.toggle('bad', state === 'failed' || verdict?.kind === 'damaged')
    if (state === 'complete' && !saved) {
      clearInterval(clock)
      saved = URL.createObjectURL(transfer.blob)
      const save = part('save')
      save.href = saved
      save.download = key.slice(key.lastIndexOf('/') + 1)
    }
    part('save').hidden = state !== 'complete' || verdict.kind === 'damaged'
  }

  // The whole width is the time that the download would take at this pace.
  function curve(samples, elapsed) {
    const whole = transfer.size || 1
    const width = Math.max(transfer.received > 0 ? elapsed * Math.min(whole / transfer.received, 2.5) : elapsed, 1000)
    const place = ([at, count]) => `${(at / width * 1000).toFixed(1)} ${(200 - count / whole * 196).toFixed(1)}`
    const line = samples.map(place).join('L')
    part('curve').setAttribute('d', 'M' + line)
    part('area').setAttribute('d', `M${line}V200H0Z`)
    part('resumes').setAttribute('d', transfer.resumed.map(at => `M${(at / width * 1000).toFixed(1)} 0V200`).join(''))
    part('end').textContent = seconds(width)
  }
}

function bytes(count) {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  let unit = 0
  for (; count >= 1024 && unit < units.length - 1; unit++) count /= 1024
  return `${unit === 0 ? Math.round(count) : count.toFixed(count < 100 ? 1 : 0)} ${units[unit]}`
}

const seconds = milliseconds => `${(milliseconds / 1000).toFixed(1)} s`
