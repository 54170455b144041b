/** Values as people read them. Pure. */
import { stripVTControlCharacters } from 'node:util';

/** `950 ms`, `12 s`, `4:05`, `1:02:03`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '–';
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  return clock(seconds);
}

/** Always with a colon: `0:07`, `4:05`, `1:02:03`. */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const h = Math.floor(whole / 3600);
  const m = Math.floor((whole % 3600) / 60);
  const two = (n: number) => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(whole % 60)}` : `${m}:${two(whole % 60)}`;
}

/** `512 B`, `3.4 MB`, `1.2 GB`: powers of ten, as shops and disks count. */
export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** A moment in local time with its offset: `2026-11-21 09:12:03 +01:00`. */
export function localTime(iso: string | null): string {
  if (iso === null) return '–';
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  const two = (n: number) => String(n).padStart(2, '0');
  const offset = -at.getTimezoneOffset();
  const sign = offset < 0 ? '-' : '+';
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return `${date} ${time} ${sign}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
}

/** A sentence whose moments are in UTC, with local ones: what scripts read is UTC, what people read is not. */
export function withLocalTimes(text: string): string {
  return text.replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, (iso) => localTime(iso));
}

/** How long ago, roughly: `now`, `12 s ago`, `5 min ago`, `3 h ago`, `2 d ago`. */
export function ago(iso: string | null, nowMs: number): string {
  if (iso === null) return '–';
  const seconds = Math.max(0, (nowMs - new Date(iso).getTime()) / 1000);
  if (seconds < 2) return 'now';
  if (seconds < 90) return `${Math.round(seconds)} s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 129_600) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86_400)} d ago`;
}

/** `1 track`, `20 tracks`. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString('en-US').replaceAll(',', ' ')} ${n === 1 ? one : many}`;
}

/** At most `width` columns of plain text, the cut shown by `…`. */
export function cut(text: string, width: number): string {
  const flat = plain(text);
  const points = [...flat];
  return points.length <= width ? flat : `${points.slice(0, Math.max(0, width - 1)).join('')}…`;
}

/** One line without control characters: a title from a file must not steer the terminal. */
export function plain(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/\s+/g, ' ')
    .replace(/\p{Cc}/gu, '')
    .trim();
}

/** The sentence of an error, without the lines of a program that follow it (`reelfleet logs` has those). */
export function sentence(error: string): string {
  return plain(error.split('\n', 1)[0] ?? '');
}

/** `███▌░░░░` of `width` columns. */
export function bar(fraction: number, width: number): string {
  const full = Math.max(0, Math.min(1, fraction)) * width;
  const whole = Math.floor(full);
  const rest = full - whole;
  const part = whole < width && rest >= 0.5 ? '▌' : '';
  return '█'.repeat(whole) + part + '░'.repeat(width - whole - part.length);
}
