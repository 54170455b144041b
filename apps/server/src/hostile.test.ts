/**
 * Requests that mean harm. Each goes as raw bytes over a socket, since clients tidy up what they send, and each must be
 * answered with its status, without a word about the inside, by a process that goes on serving.
 */
import { connect, type Socket } from 'node:net';
import { messageOf } from '@reelfleet/core';
import { atTestEnd } from '@reelfleet/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildApp } from './app.ts';
import { startTestServer, type TestServer } from './testing.ts';

const ID = '00000000-0000-4000-8000-000000000000';
/** Words that would tell of files, code or the database. */
const INSIDE = /\n\s+at |node_modules|\.ts:\d|postgres:|select |SQLSTATE|ENOENT|EACCES|EISDIR|root:x:0/i;

let server: TestServer;
/** The same without a password, and with little patience. */
let hasty: { origin: string };
beforeAll(async () => {
  server = await startTestServer();
  const app = await buildApp(server.context, { headersMs: 500, requestMs: 1_000 });
  atTestEnd(() => app.close());
  hasty = { origin: await app.listen({ host: '127.0.0.1', port: 0 }) };
}, 60_000);

/** Send these bytes, and what comes later; answers with all that came back until the other side closed. */
function send(origin: string, bytes: string | Buffer, later?: (socket: Socket) => void): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(origin).port) });
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk) => {
      text += chunk;
      // A stream of events, or a server that waits for more of us: the beginning is enough.
      if (text.includes('text/event-stream')) socket.destroy();
    });
    socket.on('error', (error) => {
      text ||= messageOf(error);
    });
    socket.on('close', () => resolve(text));
    socket.write(bytes);
    later?.(socket);
  });
}

interface Sent {
  method?: string;
  target: string;
  headers?: Record<string, string>;
  body?: string | undefined;
}

function raw({ method = 'GET', target, headers = {}, body }: Sent): Buffer {
  const all: Record<string, string> = {
    host: 'localhost',
    connection: 'close',
    ...(body === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body ?? ''}`, 'latin1');
}

const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);

/** What every refusal has in common. */
function expectProblem(answer: string, status: number | readonly number[]): void {
  expect([status].flat(), answer.slice(0, 600)).toContain(statusOf(answer));
  expect(answer).not.toMatch(INSIDE);
  const [head = '', ...rest] = answer.split('\r\n\r\n');
  expect(head.toLowerCase()).toContain('content-type: application/problem+json');
  const body = rest.join('\r\n\r\n');
  const document = JSON.parse(body.slice(body.indexOf('{'), body.lastIndexOf('}') + 1));
  expect(document).toMatchObject({ type: 'about:blank', title: expect.any(String), status: statusOf(answer) });
  expect(document.detail).toMatch(/^[^\n]{5,1200}$/);
}

afterAll(async () => {
  expect(statusOf(await send(server.origin, raw({ target: '/healthz' })))).toBe(200);
  const bugs = server.lines.filter((line) => line.includes('"level":"error"'));
  expect(bugs).toEqual([]);
});

type Case = [title: string, sent: Sent, status: number | readonly number[]];
const post = (target: string, body: string, headers?: Record<string, string>): Sent => ({
  method: 'POST',
  target,
  body,
  ...(headers ? { headers } : {}),
});

/** Ways to leave a folder. */
const ESCAPES = [
  '../../../../etc/passwd',
  '..%2f..%2f..%2f..%2fetc%2fpasswd',
  '%2e%2e/%2e%2e/%2e%2e/etc/passwd',
  '%2e%2e%2f%2e%2e%2fetc%2fpasswd',
  '..%252f..%252fetc%252fpasswd',
  '..\\..\\..\\etc\\passwd',
  '..%5c..%5cetc%5cpasswd',
  '....//....//etc/passwd',
  '%c0%ae%c0%ae/etc/passwd',
  '/etc/passwd',
  'runs/%00/../../../etc/passwd',
  'runs/x%00.mp4',
  'file:///etc/passwd',
  '.',
  '%2e',
];
const BASES = [
  '/files/',
  '/streams/x/',
  '/assets/',
  '/docs/static/',
  '/queues/static/',
  '/api/artifacts/',
  '/api/videos/',
  '/',
];

describe('a path that leads out of a folder finds nothing', () => {
  it.each(BASES.flatMap((base) => ESCAPES.map((way) => `${base}${way}`)))('%s', async (target) => {
    const answer = await send(server.origin, raw({ target }));
    expect(answer).not.toMatch(INSIDE);
    // What normalises to a page of ours is no escape; what is one finds no file.
    expect([200, 301, 302, 303, 400, 403, 404, 422]).toContain(statusOf(answer));
    if (statusOf(answer) === 200) expect(answer).toMatch(/content-type: text\/html/i);
    // Bull Board has a way of its own to say no.
    else if (statusOf(answer) >= 400 && !target.startsWith('/queues')) expectProblem(answer, statusOf(answer));
  });
});

describe('what is malformed is told so', () => {
  const cases: Case[] = [
    ['a Host of somebody else', { target: '/healthz', headers: { host: 'evil.example' } }, 421],
    ['an empty Host', { target: '/healthz', headers: { host: '' } }, 421],
    ['a Host that is a path', { target: '/healthz', headers: { host: 'localhost/../evil' } }, 421],
    ['a whole address as target', { target: 'http://evil.example/healthz' }, [400, 421]],
    ['a whole address of ours as target', { target: 'http://localhost/healthz' }, 400],
    ['a target without a slash', { target: 'healthz' }, 400],
    ['an asterisk', { method: 'OPTIONS', target: '*' }, 400],
    ['a broken escape', { target: '/api/runs/%zz' }, 400],
    ['half an escape', { target: '/%' }, 400],
    ['bytes that are no UTF-8', { target: '/api/runs/%ff%fe' }, [400, 404]],
    ['JSON that is none', post('/api/runs', '{"kind":'), 400],
    ['JSON that is no object', post('/api/runs', '[]'), 400],
    ['JSON null', post('/api/runs', 'null'), 400],
    ['an empty body', post('/api/runs', ''), 400],
    ['JSON with a prototype', post('/api/runs', '{"kind":"stage","__proto__":{"admin":true}}'), 400],
    ['JSON with a constructor', post('/api/runs', '{"constructor":{"prototype":{"admin":true}}}'), 400],
    ['JSON that is deep', post('/api/runs', `${'['.repeat(100_000)}${']'.repeat(100_000)}`), 400],
    ['an unknown kind of order', post('/api/runs', '{"kind":"__proto__"}'), [400, 422]],
    ['NUL in an order', post('/api/runs', '{"kind":"stage","stage":"\\u0000","input":{}}'), [400, 422]],
    ['a form', post('/api/runs', 'kind=album', { 'content-type': 'application/x-www-form-urlencoded' }), 415],
    ['plain text', post('/api/runs', '{"kind":"album"}', { 'content-type': 'text/plain' }), 415],
    ['a body in parts', post('/api/runs', '--x--', { 'content-type': 'multipart/form-data; boundary=x' }), 415],
    [
      'XML',
      post('/api/runs', '<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]>', { 'content-type': 'text/xml' }),
      415,
    ],
    ['two lengths', post('/api/runs', '{}', { 'content-length': '2\r\ncontent-length: 3' }), 400],
    ['a length and chunks', post('/api/runs', '0\r\n\r\n', { 'transfer-encoding': 'chunked' }), 400],
    ['a method that is not for the address', { method: 'DELETE', target: '/api/runs' }, 405],
    ['a write to what is only read', { method: 'POST', target: '/healthz' }, 405],
    ['TRACE', { method: 'TRACE', target: '/healthz' }, [404, 405]],
    ['a method of another protocol', { method: 'PROPFIND', target: '/healthz' }, [404, 405]],
    ['a method that is none', { method: 'EVIL', target: '/healthz' }, 400],
    ['an address that is nowhere', { target: '/api/nowhere' }, 404],
    ['a number where an id belongs', { target: '/api/artifacts/1' }, [400, 404, 422]],
    ['an id of nothing', { target: `/api/runs/${ID}` }, 404],
    ['an id of nothing, to retry', { method: 'POST', target: `/api/runs/${ID}/retry` }, 404],
    ['NUL in an id', { target: '/api/runs/%00' }, [400, 404, 422]],
    ['a quote in an id', { target: "/api/tasks/'%3bdrop%20table%20tasks%3b--" }, [400, 404, 422]],
    ['a long id', { target: `/api/runs/${'a'.repeat(1_000)}` }, [400, 404, 422]],
    ['a very long id', { target: `/api/runs/${'a'.repeat(5_000)}` }, [404, 414]],
    ['a very long address', { target: `/${'a'.repeat(60_000)}` }, 431],
    ['headers that are too large', { target: '/healthz', headers: { 'x-large': 'a'.repeat(60_000) } }, 431],
    ['a status that is none', { target: '/api/runs?status=%00' }, [400, 422]],
    ['a limit that is none', { target: '/api/runs?limit=-1' }, [400, 422]],
    ['a limit beyond numbers', { target: '/api/runs?limit=1e400' }, [400, 422]],
    ['a cursor of somebody else', { target: '/api/runs?cursor=../../etc/passwd' }, [400, 422]],
    ['the same parameter twice', { target: '/api/runs?limit=1&limit=2' }, [400, 422]],
    ['a stage that is none', post('/api/stages/__proto__/pause', '{}'), [400, 404, 422]],
    ['a worker that is none', { method: 'POST', target: '/api/workers/constructor/drain' }, [400, 404, 422]],
  ];
  it.each(cases)('%s', async (_title, sent, status) => {
    expectProblem(await send(server.origin, raw(sent)), status);
  });

  it('a body that is too large, announced', async () => {
    const sent = post('/api/runs', '{}', { 'content-length': '50000000' });
    expectProblem(await send(server.origin, raw(sent)), 413);
  });

  it('a body that is too large, in chunks', async () => {
    const head = {
      method: 'POST',
      target: '/api/runs',
      headers: { 'transfer-encoding': 'chunked', 'content-type': 'application/json' },
    };
    const chunk = `ffff\r\n${'"'.padEnd(0xffff, 'a')}\r\n`;
    const answer = await send(server.origin, raw(head), (socket) => {
      for (let i = 0; i < 40; i++) socket.write(chunk);
    });
    expectProblem(answer, 413);
  });

  it.each([
    ['another protocol', '\x16\x03\x01\x02\x00\x01\x00'],
    ['nothing but NUL', '\0\0\0\0'],
    ['words', 'hello\r\n\r\n'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['HTTP/0.9', 'GET /\r\n\r\n'],
    ['chunks that are none', 'POST /api/runs HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzzz\r\n'],
    ['a header with a NUL', 'GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: a\0b\r\n\r\n'],
    ['a header in a header', 'GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: a\nb\r\n\r\n'],
  ])('something that is no HTTP/1.1: %s', async (_title, bytes) => {
    expectProblem(await send(server.origin, bytes), [400, 415, 421]);
  });

  it('a tunnel to elsewhere is not even answered', async () => {
    expect(await send(server.origin, raw({ method: 'CONNECT', target: 'evil.example:443' }))).toBe('');
  });

  it('an HTTP/1.1 request without a Host', async () => {
    const answer = await send(server.origin, 'GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n');
    expectProblem(answer, 400);
  });

  it('a request with two Hosts, of which a proxy might have gone by the other', async () => {
    const twice = 'GET /healthz HTTP/1.1\r\nhost: localhost\r\nHost: evil.example\r\nconnection: close\r\n\r\n';
    const answer = await send(server.origin, twice);
    expectProblem(answer, 400);
    expect(answer).toContain('names its Host once, this one 2 times');
  });

  it.each([
    ['/api/runs?limit=1&limit=2', 'query.limit: was given twice: send it once'],
    ['/api/runs?limit=0x10', 'query.limit: takes a whole number from 1 to 200'],
    ['/api/runs?limit=1e2', 'query.limit: takes a whole number from 1 to 200'],
    ['/api/runs?limit=', 'query.limit: takes a whole number from 1 to 200'],
    ['/api/runs?channel=a&channel=b&channel=c', 'query.channel: was given 3 times: send it once'],
    ['/api/runs?channel=', 'query.channel: takes a name'],
    ['/api/runs/', 'path.run: takes a name'],
  ])('%s is told: %s', async (target, sentence) => {
    const answer = await send(server.origin, raw({ target }));
    expectProblem(answer, 400);
    expect(answer).toContain(`"detail":"${sentence}"`);
  });

  it('an empty body, called JSON, is none: fine where none is needed', async () => {
    for (const target of ['/api/stages/plan/pause', '/api/stages/plan/resume'])
      expect(statusOf(await send(server.origin, raw(post(target, '')))), target).toBe(200);
  });

  it.each([
    ['NUL', '%00'],
    ['half a character', '%ed%a0%80'],
    ['400 characters', 'a'.repeat(400)],
  ])(
    '%s for every name that any address takes',
    async (_title, name) => {
      const questions = server.app.declaredRoutes
        .filter(({ url }) => /[:*]/.test(url) && url !== '*')
        .flatMap(({ url, methods }) =>
          methods.map((method) => ({ method, target: url.replace(/:[A-Za-z0-9_]+(\([^)]*\))?\??|\*/g, name) })),
        );
      expect(questions.length).toBeGreaterThan(40);
      const wrong: string[] = [];
      for (const question of questions) {
        const answer = await send(server.origin, raw(question));
        expect(answer).not.toMatch(INSIDE);
        const status = statusOf(answer);
        if (status < 400 || status >= 500) wrong.push(`${question.method} ${question.target.slice(0, 80)}: ${status}`);
      }
      expect(wrong).toEqual([]);
    },
    60_000,
  );

  it('an order of everything wrong names what is wrong, place by place', async () => {
    const answer = await send(server.origin, raw({ target: '/api/runs?limit=many&status=runing' }));
    expectProblem(answer, 400);
    expect(answer).toMatch(/"errors":\[\{"path":"query\.[a-z]+","message":"/);
  });
});

describe('a client that is slow on purpose is not waited for', () => {
  it.each<[string, string]>([
    ['says nothing', ''],
    ['never ends its headers', 'GET /healthz HTTP/1.1\r\nhost: localhost\r\n'],
    [
      'never ends its body',
      'POST /api/runs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{',
    ],
  ])('one that %s', async (_title, bytes) => {
    const answer = await send(hasty.origin, bytes, (socket) => {
      // A byte now and then, as such clients do.
      const drip = setInterval(() => bytes !== '' && socket.writable && socket.write('x'), 100);
      socket.on('close', () => clearInterval(drip));
    });
    expectProblem(answer, 408);
  });
});
