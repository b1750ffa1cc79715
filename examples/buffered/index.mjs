// A classic handler: one event in, one result out.
//
// Behind a BUFFERED Function URL the returned object becomes the HTTP response:
// statusCode, headers, cookies, body. It may have 6 MB, and the caller sees
// nothing before it is complete.

export const handler = async (event) => {
  const { method } = event.requestContext.http;
  switch (method) {
    case 'GET':
    case 'HEAD': // the platform leaves the body out
      return visits(event);
    case 'POST':
      return echo(event);
    default:
      return json(405, { error: `${method} is not offered here` }, { headers: { allow: 'GET, HEAD, POST' } });
  }
};

// visits counts in a cookie. The event lists the request's cookies one by one,
// and leaves the list out when there are none; each entry of the result's
// `cookies` becomes a Set-Cookie header of its own.
function visits(event) {
  const cookie = (event.cookies ?? []).find((c) => c.startsWith('visits='));
  const count = (Number.parseInt(cookie?.slice('visits='.length), 10) || 0) + 1;
  return json(200, { message: count === 1 ? 'Welcome.' : 'Welcome back.', visits: count }, {
    cookies: [`visits=${count}; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax`],
  });
}

// echo says what arrived. A body that is not text comes as base64; which content
// types are text is the platform's choice, so a handler always looks.
function echo(event) {
  const body = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8');
  const type = event.headers['content-type'] ?? '';
  const answer = {
    path: event.rawPath,
    query: event.queryStringParameters ?? {},
    contentType: type,
    bytes: body.length,
  };
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    return json(200, { ...answer, base64: body.toString('base64') });
  }
  try {
    return json(200, { ...answer, json: JSON.parse(body.toString('utf8')) });
  } catch {
    return json(400, { error: 'the body says it is JSON, but it does not parse' });
  }
}

function json(statusCode, value, more = {}) {
  return {
    statusCode,
    ...more,
    headers: { 'content-type': 'application/json; charset=utf-8', ...more.headers },
    body: JSON.stringify(value) + '\n',
  };
}
