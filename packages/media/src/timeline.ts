/**
 * When what is on screen: the layout of an album from the measured lengths of its tracks. Sound is counted in samples and
 * picture in frames, both as whole numbers from the start, so that rounding never adds up: every join of the picture lies
 * within half a frame of the join of the sound, in the first minute and in the ninetieth.
 */

/** Sound of every album: what the tracks are encoded to. One rate, so that joins are copies. */
export const SAMPLE_RATE = 44_100;
/** Samples in one AAC packet; a track is a whole number of them. */
export const PACKET_SAMPLES = 1_024;

export interface TimelineTrack {
  orderIndex: number;
  title: string;
  /** Samples per channel, counted by decoding. */
  samples: number;
}

export interface TimelineEntry extends TimelineTrack {
  startSample: number;
  startFrame: number;
  frames: number;
  startSeconds: number;
  durationSeconds: number;
}

export interface Timeline {
  fps: number;
  entries: TimelineEntry[];
  totalSamples: number;
  totalFrames: number;
  durationSeconds: number;
}

/** Lay tracks out one after another, in the order given. Throws when a track is shorter than one frame. */
export function layTimeline(tracks: readonly TimelineTrack[], fps: number): Timeline {
  let sample = 0;
  const frameAt = (samples: number) => Math.round((samples * fps) / SAMPLE_RATE);
  const entries = tracks.map((track) => {
    const startSample = sample;
    sample += track.samples;
    const startFrame = frameAt(startSample);
    const frames = frameAt(sample) - startFrame;
    if (frames < 1) throw new Error(`track ${track.orderIndex} (${track.title}) is shorter than one frame`);
    return {
      ...track,
      startSample,
      startFrame,
      frames,
      startSeconds: startSample / SAMPLE_RATE,
      durationSeconds: track.samples / SAMPLE_RATE,
    };
  });
  return { fps, entries, totalSamples: sample, totalFrames: frameAt(sample), durationSeconds: sample / SAMPLE_RATE };
}
