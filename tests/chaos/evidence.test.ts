/** What the judge goes by: logs, secrets, growth, the table. Each of them has to see what is wrong. */
import { describe, expect, test } from 'vitest';
import { growth, leaksOf, type Sample } from './census.ts';
import { faults } from './faults/index.ts';
import { pausePoints } from './faults/pausing.ts';
import { troubles } from './log-lines.ts';
import { leaks, plantSecrets } from './secrets.ts';
import { addUp, repeatCommand, resultTable } from './table.ts';

const said = (...lines: string[]) => lines.map((text) => ({ worker: 'w1', text }));

describe('the log', () => {
  test('may hold events, announcements, the sentence of a worker that cannot start, and a last line cut short', () => {
    const fine = said(
      '{"level":"info","msg":"attempt started"}',
      '{"level":"warn","error":"Error: x\\n    at film (shots.ts:1:1)","msg":"attempt threw"}',
      'worker ready w1',
      'paused at mid-work task 5 version 2',
      'reelfleet: nobody answers at postgres://reelfleet:***@127.0.0.1:5: start Postgres or check host and port',
      'ended with SIGKILL',
      '{"level":"info","ms',
    );
    expect(troubles(fine)).toEqual([]);
  });

  test.each([
    ['an uncaught exception', '{"level":"error","msg":"worker ends: uncaughtException"}'],
    ['a bare stack', '    at Socket.emit (node:events:519:28)'],
    ['a warning of Node', '(node:12) MaxListenersExceededWarning: Possible EventEmitter memory leak detected'],
    ['an abort of V8', 'FATAL ERROR: Reached heap limit'],
    ['a sentence that is a bug', 'reelfleet: x is not a function (this is a bug: LOG_LEVEL=debug shows where)'],
  ])('must not hold %s', (_what, line) => {
    expect(troubles(said(line))).toHaveLength(1);
  });

  test('gives away a secret wherever it stands, and the finding does not repeat it', () => {
    const { values } = plantSecrets('the-password');
    expect(leaks(['all is well', 'postgres://me:***@db'], values)).toEqual([]);
    const found = leaks(['cannot reach postgres://me:the-password@db'], values);
    expect(found).toEqual(['cannot reach postgres://me:<secret>']);
  });
});

describe('the census', () => {
  const life = (seconds: number, at: (second: number) => Omit<Sample, 'at'>): Sample[] =>
    Array.from({ length: seconds }, (_, second) => ({ at: second * 1_000, ...at(second) }));
  const flat = { memoryMb: 150, descriptors: 40, sockets: 20 };

  test('says nothing of a process that did not live long enough', () => {
    expect(growth(life(25, () => flat))).toBeNull();
    expect(growth([])).toBeNull();
  });

  test('finds a process flat that warms up, and works in bursts', () => {
    const found = growth(life(120, (second) => ({ ...flat, memoryMb: 90 + Math.min(second * 3, 60) + (second % 7) })));
    expect(found && leaksOf(found)).toEqual([]);
  });

  test('finds memory, descriptors and sockets that grow without end', () => {
    const found = growth(
      life(600, (second) => ({ memoryMb: 150 + second, descriptors: 40 + second / 10, sockets: 20 + second / 20 })),
    );
    expect(found && leaksOf(found)).toHaveLength(3);
  });
});

describe('the table', () => {
  const told = [
    { number: 2, name: 'frozen', tookMs: 9_000, result: { kind: 'held', outcome: { ghosts: 1, where: 'a' } } },
    { number: 2, name: 'frozen', tookMs: 4_000, result: { kind: 'held', outcome: { ghosts: 2, where: 'a' } } },
    { number: 24, name: 'clock', tookMs: 1, result: { kind: 'missing', why: 'libfaketime is not installed' } },
    { number: 9, name: 'hung', tookMs: 1_000, result: { kind: 'broken', outcome: {}, why: ['expected an answer'] } },
  ] as const;

  test('has a row per fault with how often it ran and how it went; what could not run is not shown as passed', () => {
    const text = resultTable(told, 140);
    expect(text).toMatch(/2 +│ frozen +│ 2 +│ held \(9 s\) +│ ghosts 3; where: a/);
    expect(text).toMatch(/24 +│ clock +│ 0 +│ could not run here +│ libfaketime is not installed/);
    expect(text).toMatch(/9 +│ hung +│ 1 +│ BROKEN +│ expected an answer/);
  });

  test('adds numbers up and lists words once', () => {
    expect(addUp([{ kills: 2, point: 'a' }, { kills: 3, point: 'b' }, { point: 'a' }])).toBe('kills 5; point: a, b');
  });

  test('comes with the command that does the same again', () => {
    expect(repeatCommand({ seed: 7, minutes: 10, only: [3, 8], leaseMs: 3_000 })).toBe(
      'npm run chaos -- --seed 7 --minutes 10 --only 3,8',
    );
    expect(repeatCommand({ seed: 7, minutes: null, only: null, leaseMs: 6_000 })).toBe(
      'npm run chaos -- --seed 7 --lease 6',
    );
  });
});

describe('the list of faults', () => {
  test('has all numbers of the suite, each fault with a name of its own', () => {
    expect([...new Set(faults.map(({ number }) => number))]).toEqual(
      Array.from({ length: 26 }, (_, index) => index + 1),
    );
    expect(new Set(faults.map(({ name }) => name)).size).toBe(faults.length);
  });

  test('kills at every pause point that the code has', () => {
    expect(pausePoints()).toEqual(
      expect.arrayContaining([
        'after-claim',
        'after-checkpoint',
        'mid-work',
        'before-upload',
        'mid-upload',
        'before-settle',
        'after-settle',
      ]),
    );
  });
});
