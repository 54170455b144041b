/**
 * Reading what a running ffmpeg says, without trusting how much of it there is: the key=value blocks of `-progress`
 * become facts of motion, and the last lines of stderr are kept while the rest is forgotten.
 */

/** What one block of `-progress` says. */
export interface ProgressBlock {
  /** Seconds of output written so far; 0 until ffmpeg knows. */
  outTimeSeconds: number;
  /** Times real time, or null while unknown. */
  speed: number | null;
  frames: number;
  bytes: number;
}

/** Feed chunks of `-progress` output, get whole blocks. Unknown keys and half lines are ignored until they are whole. */
export function progressReader(onBlock: (block: ProgressBlock) => void): (chunk: string) => void {
  let rest = '';
  let fields = new Map<string, string>();
  return (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = (lines.pop() ?? '').slice(-1_000);
    for (const line of lines) {
      const at = line.indexOf('=');
      if (at < 0) continue;
      const key = line.slice(0, at).trim();
      fields.set(key, line.slice(at + 1).trim());
      if (key !== 'progress') continue;
      const speed = Number.parseFloat(fields.get('speed') ?? '');
      onBlock({
        // `out_time_us` is N/A or hugely negative before the first packet.
        outTimeSeconds: Math.max(0, numberOf(fields.get('out_time_us')) / 1e6),
        speed: Number.isFinite(speed) ? speed : null,
        frames: Math.max(0, numberOf(fields.get('frame'))),
        bytes: Math.max(0, numberOf(fields.get('total_size'))),
      });
      fields = new Map();
    }
  };
}

function numberOf(text: string | undefined): number {
  const value = Number(text);
  return text !== undefined && Number.isFinite(value) ? value : 0;
}

/** The last lines of a stream: at most `lines` of `width` characters, whatever is pushed. */
export function lineTail(
  lines = 40,
  width = 600,
): { push(chunk: string): void; text(): string; last(count: number): string[] } {
  const kept: string[] = [];
  let rest = '';
  const add = (line: string) => {
    const text = line.trimEnd().slice(0, width);
    if (!text) return;
    kept.push(text);
    if (kept.length > lines) kept.shift();
  };
  const all = () => (rest.trim() ? [...kept, rest.trimEnd()] : kept);
  return {
    push(chunk) {
      const parts = (rest + chunk).split(/\r?\n|\r/);
      rest = (parts.pop() ?? '').slice(0, width);
      for (const part of parts) add(part);
    },
    text: () => all().join('\n'),
    last: (count) => all().slice(-count),
  };
}

/** Feed chunks, get whole lines as they come. */
export function lineReader(onLine: (line: string) => void): (chunk: string) => void {
  let rest = '';
  return (chunk) => {
    const lines = (rest + chunk).split(/\r?\n|\r/);
    rest = (lines.pop() ?? '').slice(0, 10_000);
    for (const line of lines) onLine(line);
  };
}
