import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { atTestEnd } from './cleanup.ts';
import { freshDatabase } from './database.ts';
import { brokenInvariants, parseInvariants } from './invariants.ts';

const SAMPLE = `-- About the file.

-- 1. Numbers are positive; all of them.
select '1 negative', n from (values (1), (-2), (-3)) as v(n) where n < 0;
select '1 odd; really', 5 - 5 where false; -- a remark
-- 2. (quiet moment) Nothing is late.
select '2 late', 'it''s';
`;

describe('parseInvariants', () => {
  it('splits statements, not texts or comments, and keeps the heading each stands under', () => {
    expect(parseInvariants(SAMPLE)).toEqual([
      {
        heading: '1. Numbers are positive; all of them.',
        sql: `select '1 negative', n from (values (1), (-2), (-3)) as v(n) where n < 0`,
        quiet: false,
      },
      {
        heading: '1. Numbers are positive; all of them.',
        sql: `select '1 odd; really', 5 - 5 where false`,
        quiet: false,
      },
      { heading: '2. (quiet moment) Nothing is late.', sql: `select '2 late', 'it''s'`, quiet: true },
    ]);
  });

  it('finds every statement of our own file, and which of them need quiet', () => {
    const ours = parseInvariants(readFileSync(join(import.meta.dirname, '../../../tests/invariants.sql'), 'utf8'));
    expect(new Set(ours.map((one) => Number.parseInt(one.heading, 10)))).toEqual(
      new Set(Array.from({ length: 16 }, (_, i) => i + 1)),
    );
    expect(ours.every((one) => /^select '\d+ /.test(one.sql))).toBe(true);
    expect(ours.filter((one) => one.quiet).map((one) => one.sql.slice(8, 10))).toEqual(['11', '11']);
  });
});

describe('brokenInvariants', () => {
  it('returns each row found, and leaves out what needs quiet when asked to', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'invariants-'));
    atTestEnd(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'sample.sql');
    writeFileSync(file, SAMPLE);
    const { url, drop } = await freshDatabase();
    atTestEnd(drop);
    const heading = '1. Numbers are positive; all of them.';
    expect(await brokenInvariants(url, file, { quiet: false })).toEqual([
      { heading, row: ['1 negative', -2] },
      { heading, row: ['1 negative', -3] },
    ]);
    expect(await brokenInvariants(url, file)).toHaveLength(3);
  });
});
