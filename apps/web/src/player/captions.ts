/** What is said, as a track of the element: hidden until it is asked for, its lines above the controls. */

export function openCaptions(video: HTMLVideoElement, url: string, language: string | null): TextTrack {
  const element = document.createElement('track');
  element.kind = 'captions';
  element.label = 'Captions';
  if (language !== null) element.srclang = language;
  element.src = url;
  element.addEventListener('load', () => {
    for (const cue of element.track.cues ?? []) {
      if (cue instanceof VTTCue && cue.line === 'auto') cue.line = -5;
    }
  });
  video.append(element);
  element.track.mode = 'hidden';
  return element.track;
}
