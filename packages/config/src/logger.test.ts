import { execFileSync } from 'node:child_process';
import type { Logger } from '@reelfleet/core';
import { describe, expect, test } from 'vitest';
import { createLogger, redactUrl } from './index.ts';
import { forPeople } from './logger.ts';

function capture(level = 'info') {
  const lines: string[] = [];
  const log: Logger = createLogger({ level, name: 'worker', destination: { write: (line) => lines.push(line) } });
  return { log, lines, last: () => JSON.parse(lines.at(-1) ?? '{}') };
}

describe('the logger', () => {
  test('writes one line of JSON per event, with level, ISO time, name and the fields of its parents', () => {
    const { log, lines, last } = capture();
    log.child({ task: 't1' }).child({ attempt: 2 }).info({ durationMs: 5 }, 'attempt finished');
    expect(lines).toHaveLength(1);
    expect(last()).toMatchObject({
      level: 'info',
      name: 'worker',
      task: 't1',
      attempt: 2,
      durationMs: 5,
      msg: 'attempt finished',
    });
    expect(last().time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  test('keeps quiet below its level', () => {
    const { log, lines } = capture('warn');
    log.info('quiet');
    log.warn('loud');
    expect(lines).toHaveLength(1);
  });

  test('hides secrets at any depth, in children and inside errors, and leaves the rest alone', () => {
    const { log, lines, last } = capture();
    const cause = new Error('connect redis://:hunter22@cache failed');
    const err = Object.assign(new Error('cannot reach postgres://u:hunter22@db/x', { cause }), {
      request: { headers: { Authorization: 'Bearer hunter22' } },
    });
    log
      .child({ apiKey: 'hunter22' })
      .error(
        { err, deep: { er: { password: 'hunter22 "quoted" \\ hunter22' } }, tokensIn: 12, key: 'music/07', at: 'a@b' },
        'login https://hunter22@host and https://h/?access_token=hunter22&x=1',
      );
    expect(lines[0]).not.toContain('hunter22');
    expect(last()).toMatchObject({ tokensIn: 12, key: 'music/07', at: 'a@b', apiKey: '***' });
    expect(last().msg).toBe('login https://***@host and https://h/?access_token=***&x=1');
    expect(last().err.message).toContain('cannot reach postgres://u:***@db/x');
    expect(last().deep.er.password).toBe('***');
  });

  test('a long hostile field costs milliseconds, not minutes', () => {
    const { log, lines } = capture();
    const started = performance.now();
    for (const piece of ['x://', 'a:@', '?token', '"token', 'https://a:', '":"', '\\"password\\":\\"'])
      log.info({ note: piece.repeat(20_000) }, 'note');
    expect(performance.now() - started).toBeLessThan(2_000);
    for (const line of lines) expect(() => JSON.parse(line)).not.toThrow();
  });

  test('writes to stderr, so that stdout stays clean for --json', () => {
    const program = `import { createLogger } from ${JSON.stringify(import.meta.resolve('./logger.ts'))};
      createLogger({ level: 'info', name: 'cli' }).info('started');
      process.exit(0);`;
    const out = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'utf8',
    });
    expect(out).toBe('');
  });

  test('on a terminal a line is for people, and what was logged cannot steer the terminal', () => {
    const { log, lines } = capture();
    log.warn({ stage: 'music', n: 3, title: 'a\u001b[2Jb\nc' }, 'attempt finished');
    log.error({ err: new Error('it broke') }, 'failed');
    const [first = '', second = ''] = lines.map((line) => forPeople(line));
    expect(first).toMatch(/^\d\d:\d\d:\d\d .*warn.* worker: attempt finished stage=music n=3 title=a\[2Jb c\n$/);
    expect(second.split('\n')[0]).toContain('worker: failed');
    expect(second).toContain('\n    Error: it broke\n        at ');
  });
});

test.each([
  ['postgres://u:p@h/db', 'postgres://u:***@h/db'],
  ['redis://:p@h:6379', 'redis://:***@h:6379'],
  ['postgres://u:a@b/c@h/db', 'postgres://u:***@h/db'],
  ['postgres://u@h/db', 'postgres://u@h/db'],
  ['https://token@host/x', 'https://***@host/x'],
  ['http://host:3000/x', 'http://host:3000/x'],
  ['https://h/?a=1&api_key=s&b=2', 'https://h/?a=1&api_key=***&b=2'],
  ['https://h/film.mp4?sv=1&sig=abc&Key=d', 'https://h/film.mp4?sv=1&sig=***&Key=***'],
  ['https://h/?X-Amz-Signature=a&X-Amz-Date=b', 'https://h/?X-Amz-Signature=***&X-Amz-Date=b'],
  ['from postgres://a:b@c to redis://d:e@f', 'from postgres://a:***@c to redis://d:***@f'],
  ['user@example.com', 'user@example.com'],
])('redactUrl(%j) is %j', (given, expected) => {
  expect(redactUrl(given)).toBe(expected);
});
