// The chat in the page. The conversation is kept in memory only.

import { events } from './sse.mjs';

const $ = (id) => document.getElementById(id);
const scroll = $('scroll'), list = $('messages'), form = $('form'), draft = $('draft'), status = $('status');

// What the function takes with one question; older messages are left behind.
const mostMessages = 60;
const mostBytes = 200_000;

/** @type {{role: string, content: string}[]} */
let conversation = [];
/** Stops the answer that is on its way; null while there is none. */
let answering = null;

form.addEventListener('submit', (event) => {
  event.preventDefault();
  send(draft.value);
});
draft.addEventListener('keydown', (event) => {
  // Enter also picks a word from an input method; then it is not for us.
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send(draft.value);
});
draft.addEventListener('input', fit);
$('stop').addEventListener('click', () => answering?.abort());
$('clear').addEventListener('click', clear);
$('latest').addEventListener('click', follow);
scroll.addEventListener('scroll', () => { $('latest').hidden = atBottom(); }, { passive: true });
for (const idea of document.querySelectorAll('.idea')) {
  idea.addEventListener('click', () => send(idea.textContent));
}
focusDraft();

function send(text) {
  // While an answer is on its way, what is written stays a draft.
  if (answering || text.trim() === '') return;
  draft.value = '';
  fit();
  $('welcome').hidden = true;
  $('clear').hidden = false;
  for (const old of list.querySelectorAll('.retry')) old.remove();
  conversation.push({ role: 'user', content: text });
  show('user', text);
  follow();
  answer();
}

/** Gets the answer to the conversation as it stands. */
async function answer() {
  const controller = answering = new AbortController();
  const history = conversation;
  const item = show('assistant', '');
  const text = item.querySelector('.text').firstChild;
  item.classList.add('answering');
  list.setAttribute('aria-busy', 'true');
  controls();
  status.textContent = 'The answer is on its way.';
  follow();

  let problem = null, cut = false;
  try {
    cut = await receive(history, controller.signal, (delta) => {
      keepingPlace(() => text.appendData(delta));
    });
  } catch (error) {
    problem = error;
  }
  if (history !== conversation) return; // a new chat has begun meanwhile

  const stopped = controller.signal.aborted;
  const reply = { role: 'assistant', content: text.data };
  if (reply.content.trim() !== '') conversation.push(reply);
  keepingPlace(() => {
    item.classList.remove('answering');
    if (stopped) note(item, 'Stopped.');
    else if (problem) note(item, problem instanceof AnswerError ? problem.message : 'The connection was lost before the answer was complete.', true);
    else if (cut) note(item, 'The answer reached its limit.');
    else if (text.data === '') note(item, 'The answer is empty.');
    if (stopped || problem) addRetry(item, reply);
  });
  status.textContent = stopped ? 'Stopped.' : problem ? '' : 'The answer is complete.';
  answering = null;
  list.removeAttribute('aria-busy'); // now it is read out
  controls();
}

/** A failure with a message for the reader. */
class AnswerError extends Error {}

/** Asks, and hands over each piece as it arrives. Tells whether the answer was cut. */
async function receive(history, signal, take) {
  const response = await fetch('chat', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ messages: recent(history), stream: true }),
    signal,
  });
  if (!response.ok) {
    const refusal = await response.json().catch(() => null);
    throw new AnswerError(refusal?.error?.message ?? `The function failed (status ${response.status}).`);
  }
  let cut = false;
  for await (const { event, data } of events(response.body)) {
    if (data === '[DONE]') return cut;
    const piece = JSON.parse(data);
    if (event === 'error' || piece.error) throw new AnswerError(piece.error?.message ?? 'The model failed.');
    const choice = piece.choices?.[0];
    if (choice?.delta?.content) take(choice.delta.content);
    if (choice?.finish_reason === 'length') cut = true;
  }
  throw new AnswerError('The answer broke off.');
}

/** The newest messages that fit into a request; the last one always. */
function recent(history) {
  let bytes = 0, first = history.length;
  while (first > 0 && history.length - first < mostMessages) {
    bytes += new Blob([JSON.stringify(history[first - 1])]).size;
    if (bytes > mostBytes && first < history.length) break;
    first--;
  }
  return history.slice(first);
}

function addRetry(item, reply) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'quiet retry';
  button.textContent = 'Retry';
  button.addEventListener('click', () => {
    if (answering) return;
    conversation = conversation.filter((message) => message !== reply);
    item.remove();
    focusDraft();
    answer();
  });
  item.append(button);
}

/** Adds a message to the list. Its text is never markup. */
function show(role, content) {
  const item = document.createElement('div');
  item.className = role;
  const author = document.createElement('span');
  author.className = 'unseen';
  author.textContent = role === 'user' ? 'You:' : 'Answer:';
  const text = document.createElement('p');
  text.className = 'text';
  text.append(document.createTextNode(content));
  item.append(author, text);
  list.append(item);
  return item;
}

function note(item, message, bad = false) {
  const line = document.createElement('p');
  line.className = bad ? 'note bad' : 'note';
  if (bad) line.setAttribute('role', 'alert');
  line.textContent = message;
  item.append(line);
}

function controls() {
  const hadFocus = document.activeElement === $('stop') || document.activeElement === $('send');
  $('send').hidden = answering !== null;
  $('stop').hidden = answering === null;
  if (hadFocus) focusDraft();
}

function clear() {
  answering?.abort();
  answering = null;
  conversation = [];
  list.replaceChildren();
  list.removeAttribute('aria-busy');
  status.textContent = '';
  $('welcome').hidden = false;
  $('clear').hidden = true;
  $('latest').hidden = true;
  controls();
  focusDraft();
}

function atBottom() {
  return scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 40;
}

function follow() {
  scroll.scrollTop = scroll.scrollHeight;
}

/** Makes a change, and follows it only if the reader was at the bottom. */
function keepingPlace(change) {
  const follows = atBottom();
  change();
  if (follows) follow();
  else $('latest').hidden = false;
}

/** Makes the field as high as its text; the style sheet has the limit. */
function fit() {
  draft.style.height = 'auto';
  draft.style.height = `${draft.scrollHeight + draft.offsetHeight - draft.clientHeight}px`;
}

// On a phone, focus opens the keyboard, which would cover the answer.
function focusDraft() {
  if (matchMedia('(pointer: fine)').matches) draft.focus();
}
