/**
 * Pictures for scrubbing: small ones, one every few seconds, side by side on sheets, with a WebVTT file that says which part of
 * which sheet shows which seconds. Pure: how many there are and where each lies follows from the length and the picture's shape.
 */

export interface SpriteLayout {
  everySeconds: number;
  /** How many pictures there are. */
  count: number;
  /** Of one picture, in pixels. */
  width: number;
  height: number;
  /** Pictures in a row, and rows on a sheet; the last sheet may be filled in part. */
  columns: number;
  rows: number;
  sheets: number;
}

/** What a picture fits into: sharp enough above a bar, and 36 of them are a sheet of 1536 × 864. */
const BOX = { width: 256, height: 144 };
const COLUMNS = 6;
const ROWS = 6;
/** More pictures than this help nobody find a scene, and cost ten sheets. */
const MOST = 360;
const STEPS = [1, 2, 5, 10, 20, 30, 60];

/** The layout for a film of this length, its upright picture of this shape. */
export function layOutSprites(durationSeconds: number, display: { width: number; height: number }): SpriteLayout {
  const least = durationSeconds / MOST;
  const everySeconds = STEPS.find((step) => step >= least) ?? Math.ceil(least / 60) * 60;
  const count = Math.max(1, Math.ceil(durationSeconds / everySeconds));
  const columns = Math.min(COLUMNS, count);
  const rows = Math.min(ROWS, Math.ceil(count / columns));
  return { everySeconds, count, ...fitted(display, BOX), columns, rows, sheets: Math.ceil(count / (columns * rows)) };
}

/** The largest even size of this shape that fits into the box; a picture that is smaller stays as it is. */
export function fitted(
  { width, height }: { width: number; height: number },
  box: { width: number; height: number },
): { width: number; height: number } {
  const scale = Math.min(box.width / width, box.height / height, 1);
  const even = (side: number) => Math.max(2, 2 * Math.round((side * scale) / 2));
  return { width: even(width), height: even(height) };
}

export const sheetName = (sheet: number): string => `sheet-${String(sheet + 1).padStart(3, '0')}.jpg`;

/** The WebVTT file: a cue for each picture, its address relative to the file, its place as a media fragment (`#xywh`). */
export function spritesVtt(layout: SpriteLayout, folder: string, durationSeconds: number): string {
  const { everySeconds, count, width, height, columns, rows } = layout;
  const cues = Array.from({ length: count }, (_, index) => {
    const place = index % (columns * rows);
    const [x, y] = [(place % columns) * width, Math.floor(place / columns) * height];
    const start = index * everySeconds;
    const end = index === count - 1 ? Math.max(durationSeconds, start + 0.001) : start + everySeconds;
    const sheet = sheetName(Math.floor(index / (columns * rows)));
    return `${moment(start)} --> ${moment(end)}\n${folder}/${sheet}#xywh=${x},${y},${width},${height}`;
  });
  return `WEBVTT\n\n${cues.join('\n\n')}\n`;
}

/** `01:02:03.450`, as WebVTT writes a time. */
function moment(seconds: number): string {
  const whole = Math.floor(seconds * 1000 + 0.5);
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  const rest = String(whole % 1000).padStart(3, '0');
  return `${two(whole / 3_600_000)}:${two((whole / 60_000) % 60)}:${two((whole / 1000) % 60)}.${rest}`;
}
