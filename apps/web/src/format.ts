/** Values as people read them. Pure; every function takes what it needs, also the time of now. */

/** `0.9 s`, `12 s`, `4:05`, `1:02:03`. */
export function duration(seconds: number | null): string {
  if (seconds === null || !Number.isFinite(seconds) || seconds < 0) return '–';
  if (seconds < 9.95) return `${seconds < 0.05 ? '0' : seconds.toFixed(1)} s`;
  return seconds < 59.5 ? `${Math.round(seconds)} s` : clock(seconds);
}

/** Always with a colon, as on a player: `0:07`, `4:05`, `1:02:03`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const two = (n: number) => String(n).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** Seconds between two moments, or from the first until now. */
export function secondsBetween(from: string | null, to: string | null, nowMs: number): number | null {
  if (from === null) return null;
  return Math.max(0, (to === null ? nowMs : Date.parse(to)) - Date.parse(from)) / 1000;
}

/** How far a moment is from now: `just now`, `12 s ago`, `5 min ago`, `3 h ago`, `2 d ago`, `in 8 s`. */
export function relative(iso: string, nowMs: number): string {
  const seconds = (nowMs - Date.parse(iso)) / 1000;
  const size = Math.abs(seconds);
  if (size < 2) return 'just now';
  const amount =
    size < 90
      ? `${Math.round(size)} s`
      : size < 5400
        ? `${Math.round(size / 60)} min`
        : size < 129_600
          ? `${Math.round(size / 3600)} h`
          : `${Math.round(size / 86_400)} d`;
  return seconds > 0 ? `${amount} ago` : `in ${amount}`;
}

const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'long' });
const timeOfDay = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });

/** The whole moment in the reader's own zone, with the zone's name. */
export const exactTime = (iso: string): string => exact.format(new Date(iso));
export const clockTime = (iso: string): string => timeOfDay.format(new Date(iso));
export const calendarDay = (iso: string): string => day.format(new Date(iso));

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

/** `1 task`, `20 tasks`, `1 000 tasks`, the thousands set apart by a thin space. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${number(n)} ${n === 1 ? one : many}`;
}

export const number = (n: number): string => String(n).replace(/\B(?=(\d{3})+$)/g, '\u2009');

/** Whole percent; 100 only when it is all done, as the ledger has it. */
export const percent = (value: number): string => `${Math.max(0, Math.min(100, Math.floor(value)))}%`;

/** A name from the database for people: `generating_music` → `generating music`. */
export const words = (name: string): string => name.replaceAll('_', ' ');

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** The sentence of an error, without the lines of a program below it. */
export const sentence = (error: string): string => (error.split('\n', 1)[0] ?? '').trim();
