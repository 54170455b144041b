/** Any interleaving of writers and looks, in a small model of Postgres: sequence, transactions and snapshots. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { advance, type Look, unknownWatermark } from './watermark.ts';

interface Writer {
  xid: number;
  ids: number[];
}

/** Ids are taken from one sequence; a transaction has its own number before it takes any. */
class Trail {
  #nextXid = 100;
  #latestEnded = 99;
  lastId = 0;
  readonly open: Writer[] = [];
  readonly committed: number[] = [];

  begin() {
    this.open.push({ xid: this.#nextXid++, ids: [] });
  }
  take(which: number, count: number) {
    const writer = this.open[which % this.open.length];
    for (let n = 0; n < count; n++) writer?.ids.push(++this.lastId);
  }
  end(which: number, commits: boolean) {
    const [writer] = this.open.splice(which % this.open.length, 1);
    if (writer === undefined) return;
    if (commits) this.committed.push(...writer.ids);
    this.#latestEnded = Math.max(this.#latestEnded, writer.xid);
  }
  /** As after a crash: the sequence goes on further up. */
  skip(count: number) {
    this.lastId += count;
  }
  /** What a snapshot says of itself. Its upper end is one past the latest transaction that has *ended*. */
  get xmin() {
    return Math.min(this.#latestEnded + 1, ...this.open.map(({ xid }) => xid));
  }
  look(after: number | null, limit: number, takesMark: boolean): Look<{ id: number }> {
    const xmin = this.xmin;
    const entries =
      after === null
        ? []
        : this.committed
            .filter((id) => id > after)
            .sort((a, b) => a - b)
            .slice(0, limit)
            .map((id) => ({ id }));
    let mark: number | null = null;
    if (takesMark) {
      mark = this.#nextXid++;
      this.#latestEnded = Math.max(this.#latestEnded, mark);
    }
    return { entries, xmin, lastId: this.lastId, mark };
  }
}

const action = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ kind: 'begin' as const }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('take' as const),
      which: fc.nat(9),
      count: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('end' as const), which: fc.nat(9), commits: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('skip' as const), count: fc.integer({ min: 1, max: 32 }) }) },
  { weight: 5, arbitrary: fc.constant({ kind: 'look' as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('ask' as const) }) },
);

/** Acts, then lets everything end, and looks until nothing is new. What was handed on, and where it began. */
function live(actions: readonly (typeof action extends fc.Arbitrary<infer A> ? A : never)[], limit: number) {
  const trail = new Trail();
  let watermark = unknownWatermark;
  let began: number | null = null;
  let cleared: number | null = null;
  const handed: number[] = [];
  const looks = () => {
    const step = advance(watermark, trail.look(watermark.high, limit, watermark.wantsMark), cleared);
    watermark = step.watermark;
    began ??= watermark.high;
    handed.push(...step.entries.map(({ id }) => id));
    return step;
  };
  for (const act of actions) {
    if (act.kind === 'begin') trail.begin();
    else if (act.kind === 'take') trail.take(act.which, act.count);
    else if (act.kind === 'skip') trail.skip(act.count);
    else if (act.kind === 'look') looks();
    else if (act.kind === 'ask') {
      // The other way to know: nobody older than the mark writes any more.
      const { mark } = watermark;
      cleared = mark !== null && !trail.open.some(({ xid }) => xid < mark.xid) ? mark.xid : null;
    } else {
      const ids = trail.open[act.which % Math.max(1, trail.open.length)]?.ids ?? [];
      // What commits below the watermark could never be handed on.
      if (act.commits) for (const id of ids) expect(id).toBeGreaterThan(watermark.high ?? 0);
      trail.end(act.which, act.commits);
    }
  }
  while (trail.open.length > 0) trail.end(0, true);
  for (let look = 0; look < actions.length * 4 + 10; look++) looks();
  return { handed, began, committed: trail.committed };
}

describe('the watermark', () => {
  test('hands on every committed row after its beginning exactly once, in order of id, whatever writers and looks do', () => {
    fc.assert(
      fc.property(
        fc.array(action, { maxLength: 100, size: 'max' }),
        fc.integer({ min: 1, max: 6 }),
        (actions, limit) => {
          const { handed, began, committed } = live(actions, limit);
          expect(began).not.toBeNull();
          expect(handed).toEqual(committed.filter((id) => id > (began ?? 0)).sort((a, b) => a - b));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test('a row that commits late holds those above it back, and is not passed over although nothing older has ended', () => {
    const trail = new Trail();
    let watermark = unknownWatermark;
    const look = () => {
      const step = advance(watermark, trail.look(watermark.high, 10, watermark.wantsMark));
      watermark = step.watermark;
      return step.entries.map(({ id }) => id);
    };
    for (let n = 0; n < 3; n++) look();
    trail.begin();
    trail.begin();
    trail.take(1, 1); // the younger transaction takes the lower id
    trail.take(0, 1);
    trail.end(0, true);
    for (let n = 0; n < 5; n++) expect(look()).toEqual([]);
    trail.end(0, true);
    expect(look()).toEqual([1, 2]);
  });

  test('a gap of a transaction that was rolled back is passed after the mark has proven it', () => {
    const trail = new Trail();
    let watermark = unknownWatermark;
    const handed: number[][] = [];
    const look = () => {
      const step = advance(watermark, trail.look(watermark.high, 10, watermark.wantsMark));
      watermark = step.watermark;
      handed.push(step.entries.map(({ id }) => id));
    };
    for (let n = 0; n < 3; n++) look();
    trail.begin();
    trail.take(0, 2);
    trail.end(0, false);
    trail.begin();
    trail.take(0, 1);
    trail.end(0, true);
    for (let n = 0; n < 3; n++) look();
    expect(handed.slice(3)).toEqual([[], [], [3]]);
  });

  test('a trail shorter than what was handed on is told as rewound, and begins anew', () => {
    const at = { high: 50, lastId: 50, mark: null, wantsMark: false };
    const step = advance(at, { entries: [{ id: 7 }], xmin: 5, lastId: 7, mark: null });
    expect(step).toEqual({ watermark: unknownWatermark, entries: [], rewound: true, held: false });
  });
});
