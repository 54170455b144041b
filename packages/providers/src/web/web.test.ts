import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createSecureServer } from 'node:https';
import { createServer as createSocketServer, type LookupFunction } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PermanentError, RateLimitedError, RetryableError } from '@reelfleet/core';
import { describe, expect, onTestFinished, test } from 'vitest';
import { refusedAddresses } from './addresses.ts';
import { openWeb } from './index.ts';
import { retryAfterMs } from './request.ts';
import { elsewhere, failureOf, fetchAll, film, site, testWeb } from './testing.ts';

const FILM = film(300_000);

describe('a file', () => {
  test('arrives whole, with what its server says of it, asked for as it is', async () => {
    const { origin, requests } = await site((_request, response) => {
      response.writeHead(200, { 'content-type': 'Video/MP4; codecs="avc1"', 'content-length': FILM.length });
      response.end(FILM);
    });
    const seen: number[] = [];
    const opened = await testWeb().open(`${origin}/film.mp4?token=hush&quality=1#t=5`, {
      signal: new AbortController().signal,
      onBytes: (total) => seen.push(total),
    });
    expect(opened).toMatchObject({
      address: `${origin}/film.mp4?token=***&quality=1`,
      contentType: 'video/mp4',
      sizeBytes: FILM.length,
    });
    const chunks: Buffer[] = [];
    for await (const chunk of opened.body) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).equals(FILM)).toBe(true);
    expect(seen.at(-1)).toBe(FILM.length);
    expect(requests).toMatchObject([
      { path: '/film.mp4?token=hush&quality=1', headers: { 'accept-encoding': 'identity', connection: 'close' } },
    ]);
  });

  test('whose reader goes away is not sent any further', async () => {
    let closed = () => {};
    const gone = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const { origin } = await site((_request, response) => {
      response.on('close', closed);
      const more = () => {
        while (response.write(FILM));
        response.once('drain', more);
      };
      more();
    });
    const { body } = await testWeb().open(origin, { signal: new AbortController().signal });
    for await (const _chunk of body) break;
    await gone;
  });

  test('that is being downloaded ends at once with the reason of its signal', async () => {
    const { origin } = await site((_request, response) => void response.write(FILM));
    const stop = new AbortController();
    const { body } = await testWeb().open(origin, { signal: stop.signal });
    const failure = failureOf(
      (async () => {
        for await (const _chunk of body) stop.abort(new Error('enough'));
      })(),
    );
    expect((await failure).message).toBe('enough');
  });
});

describe('redirects', () => {
  test('are followed five times and no further', async () => {
    const { origin, requests } = await site((request, response) => {
      const left = Number(request.url?.slice(1));
      if (left === 0) response.end(FILM);
      else response.writeHead([301, 302, 303, 307, 308][left % 5] as number, { location: `/${left - 1}` }).end();
    });
    expect((await fetchAll(`${origin}/5`)).equals(FILM)).toBe(true);
    const before = requests.length;
    expect(await failureOf(fetchAll(`${origin}/6`))).toMatchObject({
      name: 'PermanentError',
      message: `${origin}/6 leads on and on: 5 redirects are followed, give the last address`,
    });
    expect(requests.length).toBe(before + 6);
  });

  test('in a circle end with one sentence', async () => {
    const { origin } = await site((_request, response) => void response.writeHead(302, { location: '/' }).end());
    expect(await failureOf(fetchAll(origin))).toBeInstanceOf(PermanentError);
  });

  test.each([
    ['file:///etc/passwd', /is where a redirect leads, and it is no http or https address/],
    ['ftp://example.org/film.mp4', /is no http or https address/],
    ['gopher://127.0.0.1/', /is no http or https address/],
    ['http://user:hush@127.0.0.1/film.mp4', /holds a user name or a password/],
    ['http://127.0.0.2/film.mp4', /private or reserved network/],
    ['http://169.254.169.254/latest/meta-data/', /private or reserved network/],
    ['http://10.0.0.1/film.mp4', /private or reserved network/],
    ['http://[::1]/film.mp4', /private or reserved network/],
    ['http://[::ffff:10.0.0.1]/film.mp4', /private or reserved network/],
    ['https://127.0.0.2/film.mp4', /private or reserved network/],
    ['//127.0.0.2/film.mp4', /private or reserved network/],
    ['http://0x7f000002/film.mp4', /private or reserved network/],
    ['http://', /is a redirect to nowhere/],
  ])('to %s are refused', async (location, sentence) => {
    const { origin } = await site((_request, response) => void response.writeHead(302, { location }).end());
    const failure = await failureOf(fetchAll(origin));
    expect(failure).toBeInstanceOf(PermanentError);
    expect(failure.message).toMatch(sentence);
    expect(failure.message).not.toMatch(/hush|\n/);
  });
});

describe('the address that is really connected to decides', () => {
  const table: [string, ('no' | 'yes' | 'never')?][] = [
    ['127.0.0.1', 'yes'],
    ['127.255.255.254', 'yes'],
    ['10.1.2.3', 'yes'],
    ['172.16.0.1', 'yes'],
    ['172.31.255.255', 'yes'],
    ['192.168.1.1', 'yes'],
    ['100.64.0.1', 'yes'],
    ['100.127.255.255', 'yes'],
    ['::1', 'yes'],
    ['fc00::1', 'yes'],
    ['fd12:3456::1', 'yes'],
    ['::ffff:127.0.0.1', 'yes'],
    ['::ffff:10.0.0.1', 'yes'],
    ['::127.0.0.1', 'yes'],
    ['64:ff9b::10.0.0.1', 'yes'],
    ['0.0.0.0', 'never'],
    ['0.1.2.3', 'never'],
    ['169.254.169.254', 'never'],
    ['169.254.0.1', 'never'],
    ['168.63.129.16', 'never'],
    ['100.100.100.200', 'never'],
    ['224.0.0.1', 'never'],
    ['239.255.255.255', 'never'],
    ['255.255.255.255', 'never'],
    ['::', 'never'],
    ['fe80::1', 'never'],
    ['ff02::1', 'never'],
    ['fd00:ec2::254', 'never'],
    ['::ffff:169.254.169.254', 'never'],
    ['64:ff9b::169.254.169.254', 'never'],
    ['2002:a9fe:a9fe::1', 'never'],
    ['93.184.216.34', 'no'],
    ['172.15.255.255', 'no'],
    ['172.32.0.0', 'no'],
    ['100.63.255.255', 'no'],
    ['100.128.0.0', 'no'],
    ['2606:2800:220:1::1', 'no'],
    ['::ffff:93.184.216.34', 'no'],
    ['64:ff9b::93.184.216.34', 'no'],
  ];
  test.each(table)('%s: private %s', (address, kind) => {
    const family = address.includes(':') ? 'ipv6' : 'ipv4';
    expect(refusedAddresses({ allowPrivate: false }).check(address, family)).toBe(kind !== 'no');
    expect(refusedAddresses({ allowPrivate: true }).check(address, family)).toBe(kind === 'never');
  });

  test('a local server is refused without the setting, whatever it is called, and nothing is sent to it', async () => {
    let connections = 0;
    const server = createSocketServer(() => {
      connections += 1;
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as { port: number };
    for (const host of ['127.0.0.1', 'localhost', '0x7f.1', '2130706433', '[::ffff:127.0.0.1]', '0.0.0.0', '127.1']) {
      for (const scheme of ['http', 'https']) {
        const failure = await failureOf(
          openWeb().open(`${scheme}://${host}:${port}/`, { signal: new AbortController().signal }),
        );
        expect(failure, `${scheme} ${host}`).toBeInstanceOf(PermanentError);
        expect(failure.message).toMatch(
          /^cannot open http.*private or reserved network.*REELFLEET_ALLOW_PRIVATE_URLS=yes/,
        );
      }
    }
    expect(connections).toBe(0);
  });

  test('with the setting it is opened', async () => {
    const { origin } = await site((_request, response) => void response.end(FILM));
    const { body } = await openWeb({ allowPrivate: true }).open(origin, { signal: new AbortController().signal });
    const chunks: Buffer[] = [];
    for await (const chunk of body) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).equals(FILM)).toBe(true);
  });

  test('a name that means another address the second time (rebinding) is refused then', async () => {
    const turns = ['127.0.0.1', '127.0.0.2'];
    const lookup = ((_name, _options, callback) => {
      const address = turns.shift() as string;
      callback(null, [{ address, family: 4 }]);
    }) as LookupFunction;
    const { origin, requests } = await site((_request, response) => {
      response.writeHead(302, { location: origin.replace('127.0.0.1', 'rebinding.example') }).end();
    });
    const failure = await failureOf(fetchAll(origin.replace('127.0.0.1', 'rebinding.example'), { lookup }));
    expect(failure.message).toMatch(/private or reserved network/);
    expect(requests).toHaveLength(1);
    expect(turns).toEqual([]);
  });

  test('a name that rebinds between a broken connection and its resumption is refused, not resumed', async () => {
    const turns = ['127.0.0.1', '127.0.0.2'];
    const lookup = ((_name, _options, callback) => {
      callback(null, [{ address: turns.shift() as string, family: 4 }]);
    }) as LookupFunction;
    const { origin } = await site((_request, response) => {
      response.writeHead(200, { 'content-length': FILM.length, etag: '"a"' });
      response.write(FILM.subarray(0, 100_000), () => response.destroy());
    });
    const failure = await failureOf(fetchAll(origin.replace('127.0.0.1', 'rebinding.example'), { lookup }));
    expect(failure.message).toMatch(/private or reserved network/);
  });

  test('a name with a public and a private address reaches the public one only', async () => {
    const { origin, requests } = await site((_request, response) => void response.end(FILM));
    const lookup = ((_name, _options, callback) => {
      callback(null, [
        { address: '127.0.0.2', family: 4 },
        { address: '127.0.0.1', family: 4 },
      ]);
    }) as LookupFunction;
    const all = await fetchAll(origin.replace('127.0.0.1', 'both.example'), { lookup });
    expect([all.equals(FILM), requests.length]).toEqual([true, 1]);
  });
});

/** Sends what is asked for, but breaks off after `piece` bytes each time. */
const breaking =
  (piece: number, { headers = {}, ranges = true }: { headers?: Record<string, string>; ranges?: boolean } = {}) =>
  (...[request, response, turn]: Parameters<Parameters<typeof site>[0]>) => {
    const start = ranges ? Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0) : 0;
    const length = { 'content-length': FILM.length - start };
    if (start > 0)
      response.writeHead(206, {
        ...headers,
        ...length,
        'content-range': `bytes ${start}-${FILM.length - 1}/${FILM.length}`,
      });
    else response.writeHead(200, { ...headers, ...length });
    const end = Math.min(FILM.length, start + piece * (ranges ? 1 : turn));
    if (end === FILM.length) response.end(FILM.subarray(start));
    else response.write(FILM.subarray(start, end), () => setTimeout(() => response.destroy(), 5));
  };

describe('a connection that breaks', () => {
  test('is resumed where it broke, under the validator of the first answer', async () => {
    const { origin, requests } = await site(breaking(100_000, { headers: { etag: '"v1"' } }));
    expect((await fetchAll(origin)).equals(FILM)).toBe(true);
    expect(requests.map(({ headers }) => [headers.range, headers['if-range']])).toEqual([
      [undefined, undefined],
      ['bytes=100000-', '"v1"'],
      ['bytes=200000-', '"v1"'],
    ]);
  });

  test('is resumed by date where there is no ETag, if that date can tell two states apart', async () => {
    const modified = new Date(Date.now() - 60_000).toUTCString();
    const old = await site(breaking(200_000, { headers: { 'last-modified': modified } }));
    expect((await fetchAll(old.origin)).equals(FILM)).toBe(true);
    expect(old.requests[1]?.headers).toMatchObject({ range: 'bytes=200000-', 'if-range': modified });
    const fresh = await site(
      breaking(200_000, { headers: { 'last-modified': new Date().toUTCString() }, ranges: false }),
    );
    expect((await fetchAll(fresh.origin)).equals(FILM)).toBe(true);
    expect(fresh.requests[1]?.headers.range).toBeUndefined();
  });

  test.each([
    ['knows no ranges', { etag: '"v1"' }, false],
    ['names no validator', {}, true],
    ['has a weak ETag only', { etag: 'W/"v1"' }, true],
  ] as [string, Record<string, string>, boolean][])(
    'to a server that %s goes on after all that is known was sent again and is the same',
    async (_title, headers, ranges) => {
      const { origin, requests } = await site(breaking(110_000, { headers, ranges: false }));
      expect((await fetchAll(origin)).equals(FILM)).toBe(true);
      expect(requests).toHaveLength(3);
      if (ranges) expect(requests.some((request) => request.headers.range !== undefined)).toBe(false);
    },
  );

  test('and a file that has another ETag afterwards is never mixed from two', async () => {
    const other = film(FILM.length, 'other');
    const { origin } = await site((_request, response, turn) => {
      const body = turn === 1 ? FILM : other;
      response.writeHead(200, { 'content-length': body.length, etag: `"v${turn}"` });
      if (turn === 1) response.write(body.subarray(0, 150_000), () => setTimeout(() => response.destroy(), 5));
      else response.end(body);
    });
    const failure = await failureOf(fetchAll(origin));
    expect(failure).toBeInstanceOf(RetryableError);
    expect(failure.message).toBe(`${origin}/ changed while it was downloaded`);
  });

  test.each([
    ['another beginning', { 'content-range': `bytes 5-${FILM.length - 1}/${FILM.length}` }],
    ['another length', { 'content-range': `bytes 150000-${FILM.length - 1}/${FILM.length + 1}` }],
    ['another ETag', { 'content-range': `bytes 150000-${FILM.length - 1}/${FILM.length}`, etag: '"v2"' }],
    ['no range', {}],
  ] as [string, Record<string, string>][])('and a part with %s is not taken', async (_title, headers) => {
    const { origin } = await site((_request, response, turn) => {
      if (turn > 1) return void response.writeHead(206, headers).end(FILM.subarray(150_000));
      response.writeHead(200, { 'content-length': FILM.length, etag: '"v1"' });
      response.write(FILM.subarray(0, 150_000), () => setTimeout(() => response.destroy(), 5));
    });
    expect((await failureOf(fetchAll(origin))).message).toMatch(/changed while it was downloaded/);
  });

  test('at every try is given up, to be tried again later', async () => {
    const { origin, requests } = await site((_request, response) => {
      response.writeHead(200, { 'content-length': FILM.length });
      response.write(FILM.subarray(0, 10), () => setTimeout(() => response.destroy(), 2));
    });
    const failure = await failureOf(fetchAll(origin));
    expect(failure).toBeInstanceOf(RetryableError);
    expect(failure.message).toMatch(/broke \(aborted\), and went no further at 7 tries$/);
    expect(requests).toHaveLength(7);
  });

  test('a thousand times by a server that gives a little each time is given up too', async () => {
    const { origin, requests } = await site(breaking(100, { headers: { etag: '"v1"' } }));
    expect((await failureOf(fetchAll(origin))).message).toMatch(/went no further at 21 tries/);
    expect(requests).toHaveLength(21);
  });

  test('while the server is in trouble for a moment, the moment is waited for', async () => {
    const { origin, requests } = await site((...given) => {
      const [, response, turn] = given;
      if (turn === 2) return void response.writeHead(503).end();
      if (turn === 3) return void response.writeHead(429, { 'retry-after': '1' }).end();
      breaking(200_000, { headers: { etag: '"v1"' } })(...given);
    });
    expect((await fetchAll(origin)).equals(FILM)).toBe(true);
    expect(requests).toHaveLength(4);
  });
});

describe('what is not a file to take', () => {
  test.each<[string, number, Record<string, string>, RegExp]>([
    ['nothing there', 404, {}, /answered with status 404: there is nothing there; check the address/],
    ['gone', 410, {}, /there is nothing there any more/],
    ['a login', 401, {}, /not open to everybody/],
    ['forbidden', 403, {}, /not open to everybody/],
    ['an odd status', 418, {}, /answered with status 418, which is no file/],
    ['no content', 204, {}, /which is no file/],
    ['a web page', 200, { 'content-type': 'text/html; charset=utf-8' }, /is a web page, not a media file/],
    ['compressed all the same', 200, { 'content-encoding': 'gzip' }, /comes compressed \(gzip\)/],
    ['a part of it unasked', 206, { 'content-range': 'bytes 0-1/9' }, /with status 206/],
    [
      'too large, as it says',
      200,
      { 'content-length': '2000001' },
      /has 3 MB, more than the 1 MB that may be imported/,
    ],
    ['empty', 200, { 'content-length': '0' }, /is empty: there is nothing to import/],
  ])('%s is one sentence, at the first attempt', async (_title, status, headers, sentence) => {
    const { origin } = await site((_request, response) => void response.writeHead(status, headers).end());
    const failure = await failureOf(fetchAll(`${origin}/x?token=hush`, { maxBytes: 1_000_000 }));
    expect(failure).toBeInstanceOf(PermanentError);
    expect(failure.message).toMatch(sentence);
    expect(failure.message).not.toMatch(/hush|\n/);
  });

  test('a file that turns out empty, or too large, without having said so', async () => {
    const empty = await site((_request, response) => void response.writeHead(200).end());
    expect((await failureOf(fetchAll(empty.origin))).message).toMatch(/is empty/);
    const endless = await site((_request, response) => {
      const more = () => {
        while (response.write(FILM));
        response.once('drain', more);
      };
      more();
    });
    const failure = await failureOf(fetchAll(endless.origin, { maxBytes: 1_000_000 }));
    expect(failure).toBeInstanceOf(PermanentError);
    expect(failure.message).toMatch(/has more than the 1 MB that may be imported \(REELFLEET_IMPORT_MAX_MB\)/);
  });

  test('an address that is none, of another kind, or with a password in it', async () => {
    for (const [address, sentence] of [
      ['film.mp4', /is no http or https address/],
      ['ftp://example.org/film.mp4', /is no http or https address/],
      ['file:///etc/passwd', /is no http or https address/],
      ['https://ann:hush@example.org/film.mp4', /holds a user name or a password/],
      ['https://hush@example.org/film.mp4', /holds a user name or a password/],
    ] as const) {
      const failure = await failureOf(fetchAll(address));
      expect(failure, address).toBeInstanceOf(PermanentError);
      expect(failure.message).toMatch(sentence);
      expect(failure.message).not.toContain('hush');
    }
  });

  test('a host that does not exist, and what is no HTTP server', async () => {
    const notFound = ((_name, _options, callback) =>
      callback(Object.assign(new Error('no'), { code: 'ENOTFOUND' }), [])) as LookupFunction;
    expect((await failureOf(fetchAll('http://nowhere.example/', { lookup: notFound }))).message).toBe(
      'cannot open http://nowhere.example/: there is no such host; check the address',
    );
    const server = createSocketServer((socket) => void socket.end('SSH-2.0-OpenSSH\r\n'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as { port: number };
    for (const scheme of ['http', 'https']) {
      const failure = await failureOf(fetchAll(`${scheme}://127.0.0.1:${port}/`));
      expect(failure).toBeInstanceOf(PermanentError);
      expect(failure.message).toMatch(/what answers there is no https? server; check the address$/);
    }
  });

  test('a certificate that nobody vouches for', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'reelfleet-web-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'],
        ...['-subj', '/CN=localhost', '-keyout', key, '-out', cert],
      ],
      { stdio: 'ignore' },
    );
    const secure = createSecureServer({ key: readFileSync(key), cert: readFileSync(cert) });
    const { origin } = await site((_request, response) => void response.end(FILM), secure as never);
    const failure = await failureOf(fetchAll(origin.replace('http:', 'https:')));
    expect(failure).toBeInstanceOf(PermanentError);
    expect(failure.message).toMatch(/its certificate is signed by nobody this machine trusts$/);
  });
});

describe('a server that asks for patience, or is in trouble', () => {
  test.each<[number, string | undefined, typeof RetryableError | typeof RateLimitedError, number | undefined]>([
    [429, '7', RateLimitedError, 7_000],
    [429, undefined, RateLimitedError, 30_000],
    [429, '999999', RateLimitedError, 3_600_000],
    [503, '2', RateLimitedError, 2_000],
    [503, undefined, RetryableError, undefined],
    [500, undefined, RetryableError, undefined],
    [502, undefined, RetryableError, undefined],
    [408, undefined, RetryableError, undefined],
  ])('%i with Retry-After %s', async (status, retryAfter, kind, retryAfterMs) => {
    const { origin } = await site(
      (_request, response) => void response.writeHead(status, retryAfter ? { 'retry-after': retryAfter } : {}).end(),
    );
    const failure = await failureOf(fetchAll(origin));
    expect(failure).toBeInstanceOf(kind);
    expect(failure.retryAfterMs).toBe(retryAfterMs);
  });

  test('Retry-After may be a date', () => {
    const now = Date.parse('2026-01-01T00:00:00Z');
    expect(retryAfterMs('Thu, 01 Jan 2026 00:01:00 GMT', now)).toBe(60_000);
    expect(retryAfterMs('Thu, 01 Jan 2015 00:01:00 GMT', now)).toBe(1_000);
    expect(retryAfterMs('soon', now)).toBeNull();
  });

  test('where nobody answers, it is tried again later', async () => {
    const server = createSocketServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const failure = await failureOf(fetchAll(`http://127.0.0.1:${port}/`));
    expect(failure).toBeInstanceOf(RetryableError);
    expect(failure.message).toMatch(/nobody answers there$/);
  });
});

describe('a server that is slow on purpose', () => {
  test('and never ends its headers is not waited for', async () => {
    const server = createSocketServer((socket) => {
      socket.on('error', () => {});
      socket.write('HTTP/1.1 200 OK\r\n');
      const drip = setInterval(() => socket.write('x-a: b\r\n'), 20);
      socket.on('close', () => clearInterval(drip));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const failure = await failureOf(
      fetchAll(`http://127.0.0.1:${(server.address() as { port: number }).port}/`, { stallMs: 300 }),
    );
    expect(failure).toBeInstanceOf(RetryableError);
    expect(failure.message).toMatch(/did not answer within 0.3 s/);
  });

  test('and drips its body is given up, since it holds a worker for nothing', async () => {
    const { origin, requests } = await site((_request, response) => {
      response.writeHead(200, { 'content-length': FILM.length });
      const drip = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(drip));
    });
    const failure = await failureOf(fetchAll(origin, { stallMs: 200 }));
    expect(failure).toBeInstanceOf(RetryableError);
    expect(failure.message).toMatch(/stopped sending for 0.2 s/);
    expect(requests.length).toBeGreaterThan(1);
  });

  test('and steady is left at the time limit', async () => {
    const { origin } = await site((_request, response) => {
      const drip = setInterval(() => response.write(FILM.subarray(0, 20_000)), 10);
      response.on('close', () => clearInterval(drip));
    });
    const failure = await failureOf(fetchAll(origin, { maxMs: 400 }));
    expect(failure).toBeInstanceOf(PermanentError);
    expect(failure.message).toMatch(/was not downloaded within 0.4 s, the limit \(REELFLEET_IMPORT_MINUTES\)/);
  });

  test('is not confused with a reader that is slow', async () => {
    const { origin, requests } = await site((_request, response) => {
      response.writeHead(200, { 'content-length': FILM.length });
      response.end(FILM);
    });
    const { body } = await testWeb({ stallMs: 100 }).open(origin, { signal: new AbortController().signal });
    let total = 0;
    for await (const chunk of body) {
      total += (chunk as Buffer).length;
      // Longer than a server may be silent; nothing can be waited for that would show it.
      if (total < 150_000) await new Promise((resolve) => setTimeout(resolve, 150));
    }
    expect([total, requests.length]).toEqual([FILM.length, 1]);
  });
});

test('the list of the tests is stricter than it looks: this machine is elsewhere by one address only', () => {
  expect([elsewhere().check('127.0.0.1'), elsewhere().check('127.0.0.2')]).toEqual([false, true]);
});
