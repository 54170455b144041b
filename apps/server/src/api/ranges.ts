/**
 * Which bytes of an object a request gets (RFC 9110, sections 13 and 14). Pure.
 *
 * Of several ranges at once the whole is sent, as the RFC allows: players and download programs ask for one range at a
 * time, and `multipart/byteranges` would let one small request make a reply many times the object's size.
 */
import parseRange from 'range-parser';

export interface Asked {
  readonly method: string;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
  readonly ifMatch: string | undefined;
  readonly ifNoneMatch: string | undefined;
}

export type Share = { status: 200 | 206; start: number; endExclusive: number } | { status: 304 | 412 | 416 };

export function shareOf(asked: Asked, object: { etag: string; size: number }): Share {
  const { etag, size } = object;
  if (asked.ifMatch !== undefined && !names(asked.ifMatch, etag)) return { status: 412 };
  if (asked.ifNoneMatch !== undefined && names(asked.ifNoneMatch.replaceAll('W/', ''), etag)) return { status: 304 };
  const whole = { status: 200, start: 0, endExclusive: size } as const;
  // A range of anything but a GET means nothing, and one of another version would be glued to the wrong bytes.
  if (asked.range === undefined || asked.method !== 'GET') return whole;
  if (asked.ifRange !== undefined && asked.ifRange.trim() !== etag) return whole;
  // `bytes=-500` of 200 bytes is all of them; range-parser finds nothing there.
  const suffix = /^bytes=-(\d+)$/.exec(asked.range.trim())?.[1];
  if (suffix !== undefined && Number(suffix) >= size && size > 0) return { ...whole, status: 206 };
  const ranges = parseRange(size, asked.range);
  if (ranges === -1) return { status: 416 };
  const [range, other] = ranges === -2 || ranges.type !== 'bytes' ? [] : ranges;
  if (range === undefined || other !== undefined) return whole;
  return { status: 206, start: range.start, endExclusive: range.end + 1 };
}

/** Whether a list of entity tags (or `*`) names this one. Ours hold no comma. */
function names(list: string, etag: string): boolean {
  return list.split(',').some((one) => one.trim() === etag || one.trim() === '*');
}
