/**
 * Pictures for scrubbing. A WebVTT file says which part of which sheet shows which seconds (`sheet-001.jpg#xywh=0,0,240,135`,
 * a media fragment); the browser reads it as a track of metadata, so the parsing is its own.
 */
export interface Picture {
  url: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

/** What a cue's text names, its address taken as relative to the file's; null when it names no part of a picture. */
export function pictureOf(text: string, base: string): Picture | null {
  const found = /^(\S+?)#xywh=(?:pixel:)?(\d+),(\d+),(\d+),(\d+)$/.exec(text.trim());
  if (found === null || !URL.canParse(found[1] ?? '', base)) return null;
  const [x = 0, y = 0, width = 0, height = 0] = found.slice(2).map(Number);
  if (width === 0 || height === 0) return null;
  return { url: new URL(found[1] ?? '', base).href, x, y, width, height };
}

/** The one cue that holds this moment; of those that ended before it the last, so that no gap is without a picture. */
export function cueAt<C extends { startTime: number }>(cues: ArrayLike<C>, seconds: number): C | null {
  let low = 0;
  let high = cues.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((cues[middle] as C).startTime <= seconds) low = middle + 1;
    else high = middle;
  }
  return cues[low - 1] ?? null;
}

/** The pictures of a video; what is asked before they are there is null. */
export function openSprites(video: HTMLVideoElement, url: string): { at(seconds: number): Picture | null } {
  const track = document.createElement('track');
  track.kind = 'metadata';
  track.src = url;
  video.append(track);
  // Read, but not shown.
  track.track.mode = 'hidden';
  const base = new URL(url, location.href).href;
  return {
    at(seconds) {
      const cues = track.track.cues as ArrayLike<VTTCue> | null;
      const cue = cues === null ? null : cueAt(cues, seconds);
      return cue === null ? null : pictureOf(cue.text, base);
    },
  };
}
