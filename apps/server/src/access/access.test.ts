/** Who gets in, and how. The walk asks every route there is, whatever part it belongs to, without credentials. */
import { readdirSync, readFileSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { Signer } from '@fastify/cookie';
import { atTestEnd } from '@reelfleet/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildApp } from '../app.ts';
import { startTestServer, type TestServer } from '../testing.ts';

import { contentSecurity, widened } from './content-security.ts';
import { openSessions, SESSION_COOKIE, SESSION_SECONDS } from './session.ts';

const PASSWORD = 'correct horse battery';
const WRONG = 'not the password';
const basic = (password: string, user = 'ann') => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
/** With a link that is none these two refuse by 403: links.ts. */
const LINKED = '/streams/00000000-0000-4000-8000-000000000000/x';
const OPEN = new Set([
  ...['GET /healthz', 'HEAD /healthz', 'GET /readyz', 'HEAD /readyz'],
  ...[`GET ${LINKED}`, `HEAD ${LINKED}`],
]);
const LOGIN = new Set(['GET /login', 'HEAD /login', 'POST /login']);

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}
type Server = Pick<TestServer, 'app' | 'origin'>;
interface Asked {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

/** A real request with exactly these headers: fetch would add some and refuse others. */
function ask(origin: string, path: string, { method = 'GET', headers = {}, body }: Asked = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(origin);
    const asked = httpRequest({ host: hostname, port, path, method, headers, agent: false }, (response) => {
      const answer = { status: response.statusCode ?? 0, headers: response.headers, body: '' };
      // A stream of events has no end; that it begins is all that is asked.
      if (String(response.headers['content-type']).startsWith('text/event-stream')) response.destroy();
      response.setEncoding('utf8').on('data', (chunk) => {
        answer.body += chunk;
      });
      response.on('close', () => resolve(answer)).on('error', () => resolve(answer));
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

const askJson = (origin: string, path: string, document: unknown, headers: Record<string, string> = {}) =>
  ask(origin, path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(document),
  });
const askForm = (origin: string, path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
  ask(origin, path, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin', ...headers },
    body: new URLSearchParams(fields).toString(),
  });

async function logIn({ origin }: Server): Promise<string> {
  const answer = await askJson(origin, '/login', { password: PASSWORD });
  expect(answer.status).toBe(204);
  return String(answer.headers['set-cookie']).split(';')[0] ?? '';
}

/** An address that a route's pattern matches. */
const example = (url: string) =>
  url.replace(/:[A-Za-z0-9_]+(\([^)]*\))?\??/g, '00000000-0000-4000-8000-000000000000').replace('*', 'x');
/** Everything a server can be asked: its routes by their methods, and each address with methods it does not have. */
const questionsTo = ({ app }: Server) => {
  const asked = app.declaredRoutes.flatMap(({ url, methods }) =>
    [...methods, 'OPTIONS', 'PUT'].map((method) => `${method} ${example(url)}`),
  );
  return [...new Set([...asked, 'GET /no-such-address', 'POST /no-such-address'])];
};

/** Another server on the same database. */
async function another(password: string | undefined): Promise<Server> {
  const app = await buildApp({ ...closed.context, access: { password, host: '127.0.0.1' } });
  atTestEnd(() => app.close());
  return { app, origin: await app.listen({ host: '127.0.0.1', port: 0 }) };
}

let closed: TestServer;
beforeAll(async () => {
  closed = await startTestServer({ password: PASSWORD });
}, 60_000);

describe('with a password', () => {
  it('every route there is, whoever declared it, answers 401 to whoever brings none', async () => {
    const questions = questionsTo(closed);
    expect(questions.length).toBeGreaterThan(20);
    const answers = await Promise.all(
      questions.flatMap((question) => {
        const [method = '', path = ''] = question.split(' ');
        return ['text/html', 'application/json', '*/*'].map(async (accept) => {
          return { question, ...(await ask(closed.origin, path, { method, headers: { accept } })) };
        });
      }),
    );
    const entered = answers.filter(({ status, headers }) => status !== 401 || headers['set-cookie'] !== undefined);
    const expected = questions.filter((question) => OPEN.has(question) || LOGIN.has(question));
    expect([...new Set(entered.map(({ question }) => question))].sort()).toEqual(expected.sort());
    expect(expected).toEqual(expect.arrayContaining([...OPEN, ...LOGIN]));
  }, 60_000);

  it('the same routes answer something else to whoever brings it: the walk tells doors from walls', async () => {
    const answers = await Promise.all(
      questionsTo(closed).map(async (question) => {
        const [method = '', path = ''] = question.split(' ');
        return {
          question,
          ...(await ask(closed.origin, path, { method, headers: { authorization: basic(PASSWORD) } })),
        };
      }),
    );
    // A login without a body is told so, before anything is compared.
    const refused = answers.filter(({ status }) => status === 401).map(({ question }) => question);
    expect(refused).toEqual([]);
    expect(answers.filter(({ status }) => status >= 500 && status !== 503).map(({ question }) => question)).toEqual([]);
  }, 60_000);

  it.each<[string, Record<string, string>]>([
    ['a wrong password', { authorization: basic(WRONG) }],
    ['an empty password', { authorization: basic('') }],
    ['the password as the user name', { authorization: `Basic ${Buffer.from(`${PASSWORD}:`).toString('base64')}` }],
    ['a wrong token', { authorization: `Bearer ${WRONG}` }],
    ['another scheme', { authorization: `Digest ${PASSWORD}` }],
    ['what is no base64', { authorization: 'Basic %%%' }],
    ['a bare password', { authorization: PASSWORD }],
    ['the password as a cookie', { cookie: `${SESSION_COOKIE}=${encodeURIComponent(PASSWORD)}` }],
    ['an unsigned cookie', { cookie: `${SESSION_COOKIE}=99999999999` }],
    ['a cookie signed with the password itself', { cookie: cookieOf(new Signer(PASSWORD).sign('99999999999')) }],
    ['an endless cookie', { cookie: `${SESSION_COOKIE}=${'9'.repeat(4_000)}` }],
  ])('%s does not let in', async (_title, headers) => {
    const from = { 'x-forwarded-for': '198.51.100.1' };
    expect((await ask(closed.origin, '/metrics', { headers: { ...headers, ...from } })).status).toBe(401);
  });

  it('a session lets in until its time is over, and no session of another password does', async () => {
    const now = Date.now();
    const [own, other] = await Promise.all([openSessions(PASSWORD), openSessions('another password')]);
    const status = async (value: string) =>
      (await ask(closed.origin, '/nothing', { headers: { cookie: cookieOf(value) } })).status;
    const fresh = own.issue(now);
    expect(await status(fresh)).toBe(404);
    expect(await status(own.issue(now - (SESSION_SECONDS + 1) * 1000))).toBe(401);
    expect(await status(other.issue(now))).toBe(401);
    expect(await status(fresh.replace(/^\d/, (digit) => String((Number(digit) + 1) % 10)))).toBe(401);
    expect(await status(`${fresh.slice(0, -1)}${fresh.endsWith('A') ? 'B' : 'A'}`)).toBe(401);
  });

  it('a session holds on every server with the same password, also one started later', async () => {
    const cookie = await logIn(closed);
    const second = await another(PASSWORD);
    expect((await ask(second.origin, '/nothing', { headers: { cookie } })).status).toBe(404);
  });

  it('the cookie is for this server alone, out of reach of scripts, and for https only where there is https', async () => {
    const plain = await askJson(closed.origin, '/login', { password: PASSWORD });
    const parts = String(plain.headers['set-cookie']).split('; ');
    expect(parts).toEqual(
      expect.arrayContaining(['Path=/', 'HttpOnly', 'SameSite=Strict', `Max-Age=${SESSION_SECONDS}`]),
    );
    expect(parts).not.toContain('Secure');
    expect(plain.headers['strict-transport-security']).toBeUndefined();
    const proxied = await askJson(closed.origin, '/login', { password: PASSWORD }, { 'x-forwarded-proto': 'https' });
    expect(String(proxied.headers['set-cookie']).split('; ')).toContain('Secure');
    expect(proxied.headers['strict-transport-security']).toMatch(/^max-age=\d{8}$/);
  });

  it('people get a page to type it into, at the address they asked for, and come back to it', async () => {
    const accept = { accept: 'text/html,application/xhtml+xml' };
    const first = await ask(closed.origin, '/api/runs?status=failed&x="><script>', { headers: accept });
    expect(first).toMatchObject({ status: 401, headers: { 'content-type': 'text/html; charset=utf-8' } });
    expect(first.headers['www-authenticate']).toBeUndefined();
    expect(first.headers.location).toBeUndefined();
    const next = /name="next" value="([^"]*)"/.exec(first.body)?.[1]?.replaceAll('&#38;', '&') ?? '';
    expect(next).toBe('/api/runs?status=failed&x=%22%3E%3Cscript%3E');

    const wrong = await askForm(closed.origin, '/login', { password: WRONG, next });
    expect(wrong).toMatchObject({ status: 401, headers: { 'content-type': 'text/html; charset=utf-8' } });
    expect(wrong.body).toContain('This is not the password.');
    expect(wrong.body).toContain('value="/api/runs?status=failed&#38;x=%22%3E%3Cscript%3E"');

    const right = await askForm(closed.origin, '/login', { password: PASSWORD, next });
    expect(right).toMatchObject({ status: 303, headers: { location: next } });
    const cookie = String(right.headers['set-cookie']).split(';')[0] ?? '';
    expect((await ask(closed.origin, next, { headers: { ...accept, cookie } })).status).not.toBe(401);

    const out = await askForm(closed.origin, '/logout', {}, { cookie });
    expect(out).toMatchObject({ status: 303, headers: { location: '/login' } });
    expect(String(out.headers['set-cookie'])).toMatch(/^reelfleet_session=;.*Expires=Thu, 01 Jan 1970/);
  });

  it.each([
    ['//evil.example/', '/'],
    ['/\\evil.example', '/'],
    ['https://evil.example/', '/'],
    ['/\t/evil.example', '/'],
    ['/a/..//evil.example', '/'],
    ['javascript:alert(1)', '/'],
    ['/login', '/'],
    ['/#/videos/1', '/#/videos/1'],
  ])('after the login nobody is sent elsewhere: %s', async (next, location) => {
    const answer = await askForm(closed.origin, '/login', { password: PASSWORD, next });
    expect(answer).toMatchObject({ status: 303, headers: { location } });
  });

  it('programs are asked for HTTP Basic, scripts of a page are not, or the browser would put up a window', async () => {
    const challenge = async (headers: Record<string, string>) => {
      const answer = await ask(closed.origin, '/api/runs', { headers });
      expect(answer).toMatchObject({ status: 401, headers: { 'content-type': /^application\/problem\+json/ } });
      return answer.headers['www-authenticate'];
    };
    expect(await challenge({})).toMatch(/^Basic realm="Reelfleet"/);
    for (const headers of [
      { 'sec-fetch-mode': 'cors' },
      { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64)' },
      { cookie: `${SESSION_COOKIE}=old` },
    ])
      expect(await challenge(headers as Record<string, string>)).toMatch(/^Session /);
  });

  it('the login page may load nothing but itself, and says so by hash', async () => {
    const { headers, body } = await ask(closed.origin, '/login');
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe-inline');
    const { createHash } = await import('node:crypto');
    for (const [tag, directive] of [
      ['style', 'style-src'],
      ['script', 'script-src'],
    ] as const) {
      const text = new RegExp(`<${tag}>([^]*?)</${tag}>`).exec(body)?.[1] ?? '';
      const hash = createHash('sha256').update(text).digest('base64');
      expect(policy).toMatch(new RegExp(`${directive} [^;]*'sha256-${hash.replace(/[+/=]/g, '\\$&')}'`));
    }
  });

  it('nothing of it is logged', async () => {
    const { lines, origin } = closed;
    const cookie = await logIn(closed);
    await ask(origin, '/api/runs?token=in-the-query', { headers: { cookie, authorization: basic(PASSWORD) } });
    const log = lines.join('\n');
    expect(log).toContain('"path":"/api/runs"');
    for (const secret of [PASSWORD, basic(PASSWORD).slice(6), cookie.split('=')[1] ?? '', 'in-the-query'])
      expect(log).not.toContain(secret);
  });

  it('no code of the door compares a secret in a time that tells of it', () => {
    const sources = readdirSync(import.meta.dirname).filter(
      (name) => name.endsWith('.ts') && !name.endsWith('.test.ts'),
    );
    expect(sources).toContain('guard.ts');
    for (const name of sources) {
      const text = readFileSync(join(import.meta.dirname, name), 'utf8');
      expect(text.match(/\b(password|given|signature) [!=]==? (?!undefined|''|null|'string')/g), name).toBeNull();
    }
  });
});

describe('guessing', () => {
  const from = (address: string) => ({ 'x-forwarded-for': address });
  it.each<[string, (server: Server, password: string, address: string) => Promise<Answer>]>([
    ['by form', ({ origin }, password, address) => askForm(origin, '/login', { password }, from(address))],
    ['by JSON', ({ origin }, password, address) => askJson(origin, '/login', { password }, from(address))],
    [
      'by HTTP Basic',
      ({ origin }, password, address) =>
        ask(origin, '/nothing', { headers: { ...from(address), authorization: basic(password) } }),
    ],
    [
      'by token',
      ({ origin }, password, address) =>
        ask(origin, '/nothing', { headers: { ...from(address), authorization: `Bearer ${password}` } }),
    ],
  ])(
    '%s ends after ten failures of an address, also with the right password, and others are let in',
    async (_title, guess) => {
      const server = await another(PASSWORD);
      const cookie = await logIn(server);
      const statuses: number[] = [];
      for (let i = 0; i < 11; i++) statuses.push((await guess(server, `${WRONG} ${i}`, '192.0.2.1')).status);
      expect(statuses).toEqual([...Array<number>(10).fill(401), 429]);
      const right = await guess(server, PASSWORD, '192.0.2.1');
      expect(right.status).toBe(429);
      expect(Number(right.headers['retry-after'])).toBeGreaterThan(60);
      expect(right.body).toMatch(/too many wrong passwords/i);
      expect((await guess(server, PASSWORD, '192.0.2.2')).status).toBeLessThan(405);
      // Who is in stays in.
      const session = await ask(server.origin, '/nothing', { headers: { ...from('192.0.2.1'), cookie } });
      expect(session.status).toBe(404);
    },
  );

  it('does not count where nobody is asked: a probe with an old password is no guess', async () => {
    const server = await another(PASSWORD);
    const headers = { authorization: basic(WRONG) };
    for (let i = 0; i < 20; i++) expect((await ask(server.origin, '/healthz', { headers })).status).toBe(200);
    expect((await ask(server.origin, '/nothing', { headers })).status).toBe(401);
  });

  it('is told in the log, by address', async () => {
    const server = await another(PASSWORD);
    await ask(server.origin, '/nothing', { headers: { ...from('203.0.113.9'), authorization: basic(WRONG) } });
    const told = closed.lines.filter((line) => line.includes('wrong password') && line.includes('203.0.113.9'));
    expect(told).toHaveLength(1);
  });

  it('at the same moment gains nothing', async () => {
    const server = await another(PASSWORD);
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => askJson(server.origin, '/login', { password: `${WRONG} ${i}` })),
    );
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(10);
  });

  it('by way of a proxy ends after fifty failures, whatever addresses are invented, and not for who comes without', async () => {
    const server = await another(PASSWORD);
    const guess = (password: string, address: string) =>
      askJson(server.origin, '/login', { password }, { 'x-forwarded-for': address });
    const statuses: number[] = [];
    for (let i = 0; i < 51; i++) statuses.push((await guess(WRONG, `2001:db8:0:${i.toString(16)}::1`)).status);
    expect(statuses).toEqual([...Array<number>(50).fill(401), 429]);
    expect((await guess(PASSWORD, '2001:db8:2::1')).status).toBe(429);
    expect((await askJson(server.origin, '/login', { password: PASSWORD })).status).toBe(204);
  });
});

describe('whom a request comes from', () => {
  let open: Server;
  beforeAll(async () => {
    open = await another(undefined);
  });

  it.each([
    ['localhost', 404],
    ['localhost:3000', 404],
    ['LOCALHOST.:80', 404],
    ['fleet.localhost:3000', 404],
    ['127.0.0.1:9', 404],
    ['127.8.8.8', 404],
    ['[::1]:3000', 404],
    ['evil.example', 421],
    ['evil.example:3000', 421],
    ['localhost.evil.example', 421],
    ['127.0.0.1.evil.example', 421],
    ['0.0.0.0:3000', 421],
    ['192.168.1.2', 421],
    ['[::]', 421],
    ['localhost@evil.example', 421],
  ])('on loopback without a password, Host "%s" answers %d', async (host, status) => {
    expect((await ask(open.origin, '/nothing', { headers: { host } })).status).toBe(status);
  });

  it('with a password any name does, since a rebound one brings no credentials along', async () => {
    const headers = { host: 'fleet.example' };
    expect((await ask(closed.origin, '/nothing', { headers })).status).toBe(401);
    const known = { ...headers, authorization: basic(PASSWORD) };
    expect((await ask(closed.origin, '/nothing', { headers: known })).status).toBe(404);
  });

  type Case = [title: string, method: string, headers: Record<string, string>, refused: boolean];
  const cases: Case[] = [
    ['a program reads', 'GET', {}, false],
    ['a program writes', 'POST', {}, false],
    ['our page reads', 'GET', { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' }, false],
    ['our page writes', 'POST', { 'sec-fetch-site': 'same-origin', origin: 'http://localhost:3000' }, false],
    ['our page writes, in a browser that sends no Sec-Fetch-Site', 'POST', { origin: 'http://localhost:3000' }, false],
    [
      'our page writes, a proxy renamed us',
      'POST',
      { 'sec-fetch-site': 'same-origin', origin: 'https://f.example' },
      false,
    ],
    ['a proxy says how it was called', 'POST', { origin: 'https://f.example', 'x-forwarded-host': 'f.example' }, false],
    ['somebody typed the address', 'GET', { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' }, false],
    ['a link leads here', 'GET', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }, false],
    ['another site embeds us', 'GET', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }, true],
    ['another port reads', 'GET', { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors' }, true],
    ['another site writes', 'POST', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }, true],
    ['a form of another site', 'POST', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }, true],
    ['another port writes', 'POST', { 'sec-fetch-site': 'same-site', origin: 'http://localhost:8080' }, true],
    ['another site writes, by Origin alone', 'POST', { origin: 'https://evil.example' }, true],
    ['another port writes, by Origin alone', 'POST', { origin: 'http://localhost:8080' }, true],
    ['a sandboxed page writes', 'POST', { origin: 'null' }, true],
    ['what is no origin', 'DELETE', { origin: 'localhost:3000' }, true],
  ];
  it.each(cases)('%s (%s): %j', async (_title, method, headers, refused) => {
    const answer = await ask(open.origin, '/nothing', { method, headers: { host: 'localhost:3000', ...headers } });
    expect(answer.status).toBe(refused ? 403 : 404);
  });

  it('a write by cookie needs the headers that browsers send', async () => {
    const cookie = await logIn(closed);
    const post = (headers: Record<string, string>) =>
      ask(closed.origin, '/nothing', { method: 'POST', headers: { cookie, ...headers } });
    expect((await post({})).status).toBe(403);
    expect((await post({ 'sec-fetch-site': 'same-origin' })).status).toBe(404);
    expect((await post({ origin: closed.origin })).status).toBe(404);
    expect((await post({ origin: 'https://evil.example' })).status).toBe(403);
    // The same without the cookie, by what no browser sends by itself.
    const basically = { method: 'POST', headers: { authorization: basic(PASSWORD) } };
    expect((await ask(closed.origin, '/nothing', basically)).status).toBe(404);
  });

  it('no other site is ever given permission to read', async () => {
    const headers = { origin: 'https://evil.example', 'access-control-request-method': 'POST' };
    for (const method of ['GET', 'OPTIONS']) {
      const answer = await ask(open.origin, '/healthz', { method, headers });
      expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
      expect(answer.headers['cross-origin-resource-policy']).toBe('same-origin');
    }
  });
});

describe('what a page may load', () => {
  it('is its own and nothing inline, on every answer, whoever gives it', async () => {
    for (const path of ['/healthz', '/nothing', '/']) {
      const { headers } = await ask(closed.origin, path, { headers: { authorization: basic(PASSWORD) } });
      expect(headers['x-content-type-options'], path).toBe('nosniff');
      expect(headers['referrer-policy']).toBe('same-origin');
      const policy = String(headers['content-security-policy']);
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).toContain("script-src 'self'");
      expect(policy).not.toContain('unsafe');
    }
  });

  it('is more on the routes of a scope that asked for it, and on no other', async () => {
    const app = await buildApp(closed.context);
    await app.register(async (scope) => {
      contentSecurity(scope, { 'img-src': ['https://pictures.example'], 'worker-src': ["'self'"] });
      scope.get('/with', { config: { open: true } }, async () => 'x');
    });
    app.get('/without', { config: { open: true } }, async () => 'x');
    expect(() => contentSecurity(app, {})).toThrow('scope of its own');
    const policyOf = async (url: string) => String((await app.inject(url)).headers['content-security-policy']);
    expect(await policyOf('/with')).toContain("img-src 'self' data: https://pictures.example;");
    expect(await policyOf('/with')).toContain("worker-src 'self'");
    expect(await policyOf('/without')).toContain("img-src 'self' data:;");
    await app.close();
    expect(widened({ 'default-src': ["'none'"] }, { 'img-src': ['a'] })).toMatchObject({ 'img-src': ['a'] });
  });
});

function cookieOf(value: string): string {
  return `${SESSION_COOKIE}=${encodeURIComponent(value)}`;
}
