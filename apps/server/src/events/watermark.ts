/**
 * Up to which id of the audit trail everything is known. Ids are taken before their transaction commits, so they become
 * visible out of order: whoever reads "id > the last one seen" loses the rows that commit late. Here rows are handed on
 * only up to the first gap. A gap ends in one of two ways: its rows appear, or it turns out to be dead (rolled back, or
 * skipped by the sequence). Dead is what cannot come any more:
 *
 *   1. a look shows a gap, and the highest id any writer had taken by then (`lastId`);
 *   2. the next look takes a transaction id, the mark. Whoever holds an id up to that `lastId` wrote the task first and
 *      so has a lower transaction id than the mark;
 *   3. a later look finds nothing older than the mark still open: what is not visible in it now never will be.
 *
 * The upper end of the snapshot (`xmax`) cannot serve as the mark: it is one past the highest transaction that has
 * *ended*, and the holder of a gap may be younger than that.
 *
 * So `high` is a cursor: every committed row up to it has been handed on, exactly once and in order of id. Pure.
 */

/** What one look at the trail has shown; `after` was the watermark's `high`. */
export interface Look<Entry> {
  readonly entries: readonly Entry[];
  readonly xmin: number;
  readonly lastId: number;
  readonly mark: number | null;
}

export interface Watermark {
  /** Null at the beginning, until it is known where everything earlier has ended. */
  readonly high: number | null;
  /** `lastId` of the look before. */
  readonly lastId: number | null;
  /** When nothing older than `xid` is open, nothing up to `upTo` can come any more. */
  readonly mark: { readonly xid: number; readonly upTo: number } | null;
  /** There is a gap, or no beginning yet, and no mark: the next look should take one. */
  readonly wantsMark: boolean;
}

export const unknownWatermark: Watermark = { high: null, lastId: null, mark: null, wantsMark: false };

export interface Step<Entry> {
  readonly watermark: Watermark;
  /** To be handed on now, in this order. */
  readonly entries: readonly Entry[];
  /** The trail is shorter than what has been handed on: the database is another one, or an older state of it. */
  readonly rewound: boolean;
  /** Rows are there that a gap holds back. */
  readonly held: boolean;
}

/**
 * Take in a look. `cleared` is a mark of which the caller has learnt otherwise, before this look, that nobody older
 * still writes.
 */
export function advance<Entry extends { readonly id: number }>(
  was: Watermark,
  look: Look<Entry>,
  cleared: number | null = null,
): Step<Entry> {
  if (was.high !== null && look.lastId < was.high)
    return { watermark: unknownWatermark, entries: [], rewound: true, held: false };

  const proven = was.mark !== null && (look.xmin >= was.mark.xid || cleared === was.mark.xid);
  const dead = proven ? (was.mark?.upTo ?? 0) : 0;

  let high = was.high;
  let handed = 0;
  if (high === null) {
    if (proven) high = dead;
  } else {
    for (const { id } of look.entries) {
      if (id > high + 1 && id > dead + 1) break;
      high = id;
      handed += 1;
    }
  }

  const held = handed < look.entries.length;
  const open = high === null || held;
  // A mark covers what had been taken when the look before was made; it is kept until it has proven that.
  const taken = look.mark !== null && was.lastId !== null ? { xid: look.mark, upTo: was.lastId } : null;
  const mark = open ? (taken ?? (proven ? null : was.mark)) : null;
  return {
    watermark: { high, lastId: look.lastId, mark, wantsMark: open && mark === null },
    entries: look.entries.slice(0, handed),
    rewound: false,
    held,
  };
}
