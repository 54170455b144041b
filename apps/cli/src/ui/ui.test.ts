import type { TaskRow } from '@reelfleet/catalog';
import { describe, expect, it } from 'vitest';
import type { Paint } from './colour.ts';
import { ago, bar, bytes, clock, count, cut, duration, localTime, plain } from './format.ts';
import { eta, type Group, groupLine, groupTasks, speed } from './stages.ts';
import { fit, table } from './table.ts';

const noPaint: Paint = (_style, text) => text;

describe('values as people read them', () => {
  it('writes durations in the unit that fits', () => {
    expect([0.25, 12.4, 59.4, 59.6, 245, 3723].map(duration)).toEqual([
      '250 ms',
      '12 s',
      '59 s',
      '1:00',
      '4:05',
      '1:02:03',
    ]);
    expect(duration(Number.NaN)).toBe('–');
    expect(clock(7)).toBe('0:07');
  });

  it('writes sizes with two or three digits', () => {
    expect([0, 999, 1000, 3_400_000, 99_400_000, 123_456_789, 1_200_000_000].map(bytes)).toEqual([
      '0 B',
      '999 B',
      '1.0 kB',
      '3.4 MB',
      '99.4 MB',
      '123 MB',
      '1.2 GB',
    ]);
  });

  it('writes moments in local time with the offset', () => {
    const said = localTime('2026-11-21T08:12:03.456Z');
    expect(said).toMatch(/^2026-11-2[012] \d\d:\d\d:03 [+-]\d\d:\d\d$/);
    expect(new Date(said).toISOString()).toBe('2026-11-21T08:12:03.000Z');
    expect(localTime(null)).toBe('–');
  });

  it('writes how long ago something was', () => {
    const now = Date.parse('2026-11-21T12:00:00Z');
    const before = (seconds: number) => ago(new Date(now - seconds * 1000).toISOString(), now);
    expect([0, 12, 300, 7200, 200_000].map(before)).toEqual(['now', '12 s ago', '5 min ago', '2 h ago', '2 d ago']);
  });

  it('cuts text with a mark, and takes out what could steer a terminal', () => {
    expect(cut('abcdef', 4)).toBe('abc…');
    expect(cut('abcd', 4)).toBe('abcd');
    expect(plain('a\u001b[2Jb\u0007\nc')).toBe('ab c');
    expect(count(1, 'track')).toBe('1 track');
    expect(count(10_000, 'run')).toBe('10 000 runs');
  });

  it('draws a bar of exactly the width asked for', () => {
    for (const fraction of [-1, 0, 0.01, 0.1, 0.5, 0.99, 1, 2]) expect([...bar(fraction, 20)]).toHaveLength(20);
    expect(bar(0.5, 4)).toBe('██░░');
  });
});

describe('a table', () => {
  const columns = [
    { title: 'NAME', value: (row: { name: string; n: number }) => row.name, flexible: true as const },
    { title: 'N', value: (row: { name: string; n: number }) => String(row.n), align: 'right' as const },
  ];

  it('aligns its columns and leaves no blanks at the ends of lines', () => {
    expect(
      table(
        [
          { name: 'a', n: 1 },
          { name: 'bcd', n: 100 },
        ],
        columns,
        noPaint,
      ),
    ).toBe('NAME    N\na       1\nbcd   100');
  });

  it('is never wider than the terminal as long as a flexible column can give', () => {
    const text = table([{ name: 'x'.repeat(200), n: 12 }], columns, noPaint, 40);
    for (const line of text.split('\n')) expect([...line].length).toBeLessThanOrEqual(40);
    expect(text).toContain('…  12');
  });

  it('cuts the widest column first and no title', () => {
    const flexible = { title: 'LONGTITLE', flexible: true as const };
    expect(fit([30, 20, 5], [flexible, flexible, { title: 'X' }], 39)).toEqual([15, 15, 5]);
    expect(fit([30], [flexible], 3)).toEqual([9]);
  });
});

const task = (key: string, change: Partial<TaskRow> = {}): TaskRow => ({
  id: key,
  key,
  stage: key.split('/')[0] ?? key,
  title: key,
  status: 'queued',
  stateVersion: 1,
  attemptNumber: 0,
  progressPercent: 0,
  currentStep: null,
  workerName: null,
  failures: 0,
  maxAttempts: 3,
  crashes: 0,
  maxCrashes: 5,
  optional: false,
  needs: [],
  runAfter: null,
  claimExpiresAt: null,
  errorCode: null,
  lastError: null,
  startedAt: null,
  completedAt: null,
  ...change,
});

describe('a run, grouped by stage', () => {
  const began = Date.parse('2026-11-21T12:00:00Z');
  const at = (seconds: number) => new Date(began + seconds * 1000).toISOString();

  it('keeps the order of the pipeline, with nodes whose tasks do not exist yet', () => {
    const groups = groupTasks(['plan', 'music', 'render'], [task('render', { status: 'blocked' }), task('plan')]);
    expect(groups.map(({ key, total }) => [key, total])).toEqual([
      ['plan', 1],
      ['music', 0],
      ['render', 1],
    ]);
  });

  it('counts a running task by its progress', () => {
    const [music] = groupTasks(
      [],
      [
        task('music/01', { status: 'completed', startedAt: at(0), completedAt: at(10) }),
        task('music/02', { status: 'running', progressPercent: 50, startedAt: at(5), currentStep: 'mixing' }),
        task('music/03'),
        task('music/04'),
      ],
    );
    expect(music).toMatchObject({
      total: 4,
      completed: 1,
      running: 1,
      fraction: 0.375,
      step: 'mixing',
      status: 'running',
    });
  });

  const group: Group = {
    key: 'music',
    total: 20,
    completed: 7,
    ended: 7,
    running: 2,
    failed: 0,
    fraction: 0.35,
    startedAt: began,
    endedAt: null,
    step: null,
    status: 'running',
  };

  it('tells speed and ETA from the pace so far', () => {
    const now = began + 105_000;
    expect(speed(group, 3600, now)).toBeCloseTo(12);
    expect(eta(group, now)).toBeCloseTo(195);
    expect(eta({ fraction: 0.01, startedAt: began }, now)).toBeNull();
    const line = groupLine(group, { paint: noPaint, width: 100, names: 9, now, mediaSeconds: 3600 });
    expect(line).toMatch(/^music {8}7\/20 █{11}▌?░+ {2}35 % · 12 × real time · ETA 3:15$/);
  });

  it('fits every terminal', () => {
    const step = { ...group, step: 'a long word about what it is doing right now' };
    for (const width of [40, 60, 80, 200]) {
      const line = groupLine(step, { paint: noPaint, width, names: 9, now: began + 60_000, mediaSeconds: 3600 });
      expect([...line].length).toBeLessThanOrEqual(width);
    }
  });

  it('never says 100 % before the last task has ended', () => {
    const nearly = { ...group, fraction: 0.9999 };
    expect(groupLine(nearly, { paint: noPaint, width: 100, names: 5, now: began, mediaSeconds: null })).toContain(
      ' 99 %',
    );
  });
});
