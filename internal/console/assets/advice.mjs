// What to do about a refusal, by its type as AWS names it.

const advice = {
  AccessDeniedException: 'Ask whoever runs this server for that right, or choose “Forget credentials” above and give others.',
  TooManyRequestsException: 'Wait until another invocation ends, or raise the concurrency that is reserved for the function.',
  ResourceNotFoundException: 'It may have been deleted or renamed: look at the list of functions.',
  Unreachable: 'Look at the terminal that it runs in; this page goes on when it is back.',
}

// about returns "" where the message says all there is to say.
export const about = (code) => advice[code] ?? ''
