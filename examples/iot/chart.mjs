// Lines over the last minute, on a canvas. Times are the broker's.

const span = 60_000
// A line ends where a device was silent for this many of its usual pauses.
const silent = 5
const pad = { top: 12, right: 14, bottom: 26, left: 44 }

/** What one device has sent in the span, and how it usually behaves. */
export class Series {
  points = []
  /** The usual pause between two readings, in milliseconds. */
  pause = 1000
  /** A custom property of the style sheet. */
  color = '--ink'

  get latest() {
    return this.points.at(-1)
  }

  add(time, value) {
    if (this.latest) this.pause = Math.min(Math.max(time - this.latest.time, 200), this.pause * 1.1)
    // Where the pen is lifted is decided now: the usual pause changes.
    const begins = !this.latest || time - this.latest.time > silent * this.pause
    this.points.push({ time, value, begins })
    // What has left the picture, but for the last: a line begins there.
    const first = this.points.findIndex((point) => point.time > time - span)
    if (first > 1) this.points.splice(0, first - 1)
  }

  silence(now) {
    const since = now - (this.latest?.time ?? now)
    return since > silent * this.pause ? since : 0
  }
}

/** Draws the series as they are at a moment. */
export function draw(canvas, series, now) {
  const { width, height } = fit(canvas)
  const style = getComputedStyle(canvas)
  const pen = canvas.getContext('2d')
  pen.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0)
  pen.clearRect(0, 0, width, height)
  pen.font = `12px ${style.fontFamily}`

  const seen = series.flatMap(({ points }) => points.filter(({ time }) => time >= now - span))
  const scale = scaleOf(seen.map(({ value }) => value), height)
  const x = (time) => width - pad.right - (now - time) / span * (width - pad.left - pad.right)
  const y = (value) => height - pad.bottom - (value - scale.low) / (scale.high - scale.low) * (height - pad.top - pad.bottom)

  pen.strokeStyle = style.getPropertyValue('--edge')
  pen.fillStyle = style.getPropertyValue('--soft')
  pen.lineWidth = 1
  pen.textBaseline = 'middle'
  pen.textAlign = 'right'
  for (let value = scale.low; value <= scale.high + scale.step / 2; value += scale.step) {
    const at = Math.round(y(value)) + 0.5
    line(pen, pad.left, at, width - pad.right, at)
    pen.fillText(`${+value.toFixed(2)}°`, pad.left - 8, at)
  }
  pen.textBaseline = 'top'
  pen.textAlign = 'center'
  const every = width < 500 ? 20_000 : 10_000
  for (let time = Math.ceil((now - span) / every) * every; time <= now; time += every) {
    const at = Math.round(x(time)) + 0.5
    if (at < pad.left) continue
    line(pen, at, height - pad.bottom, at, height - pad.bottom + 4)
    if (at > pad.left + 16 && at < width - pad.right - 16) {
      pen.fillText(new Date(time).toLocaleTimeString([], { hour12: false }), at, height - pad.bottom + 8)
    }
  }

  pen.save()
  pen.beginPath()
  pen.rect(pad.left, 0, width - pad.left, height)
  pen.clip()
  pen.lineWidth = 2
  pen.lineJoin = 'round'
  for (const { points, color, latest } of series) {
    pen.strokeStyle = pen.fillStyle = style.getPropertyValue(color)
    pen.beginPath()
    for (const { time, value, begins } of points) {
      if (begins) pen.moveTo(x(time), y(value))
      else pen.lineTo(x(time), y(value))
    }
    pen.stroke()
    if (!latest || latest.time < now - span) continue
    pen.beginPath()
    pen.arc(x(latest.time), y(latest.value), 3.5, 0, 2 * Math.PI)
    pen.fill()
  }
  pen.restore()
}

// fit gives the canvas as many pixels as the screen has for it.
function fit(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas
  const [across, down] = [Math.round(width * devicePixelRatio), Math.round(height * devicePixelRatio)]
  if (canvas.width !== across || canvas.height !== down) Object.assign(canvas, { width: across, height: down })
  return { width, height }
}

// scaleOf finds round numbers around all values, with a label every 50 pixels or more.
export function scaleOf(values, height) {
  let low = Infinity, high = -Infinity
  for (const value of values) {
    low = Math.min(low, value)
    high = Math.max(high, value)
  }
  if (low > high) [low, high] = [0, 30]
  const narrow = Math.max(1 - (high - low), 0) // noise is not to look like weather
  low -= narrow / 2
  high += narrow / 2
  const wanted = (high - low) / Math.max(2, Math.floor((height - pad.top - pad.bottom) / 50))
  const power = 10 ** Math.floor(Math.log10(wanted))
  const step = [1, 2, 5, 10].find((factor) => factor * power >= wanted) * power
  return { low: Math.floor(low / step) * step, high: Math.ceil(high / step) * step, step }
}

function line(pen, x1, y1, x2, y2) {
  pen.beginPath()
  pen.moveTo(x1, y1)
  pen.lineTo(x2, y2)
  pen.stroke()
}
