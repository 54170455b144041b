/** The node that writes down what is said in a source, for any template that imports and probes one. */
import type { PipelineNode } from '@reelfleet/core';
import type { ImportOutput } from '../stages/import.ts';
import type { ProbeOutput } from '../stages/probe.ts';
import type { TranscriptRefs } from '../transcript-file.ts';

export interface TranscriptionWish {
  fileName: string;
  title: string;
  /** False: not wanted. */
  transcribe?: boolean | undefined;
  language?: string | undefined;
  /** What the video has already. */
  transcript?: TranscriptRefs | undefined;
}

/**
 * Optional, it is left out where it is not wanted or there is no sound, and its failure costs the run no more than `partial`.
 * Where everything depends on it, a source without sound is refused by the stage.
 */
export function transcriptionNode<P extends TranscriptionWish>({ optional }: { optional: boolean }): PipelineNode<P> {
  return {
    key: 'transcription',
    stage: 'transcription',
    phase: 'transcribing',
    title: ({ title }) => `transcription · ${title}`,
    needs: ['import', 'probe'],
    optional,
    ...(optional
      ? {
          unless: {
            of: 'probe',
            when: ({ audio }: ProbeOutput, { transcribe }: P) => audio === null || transcribe === false,
          },
        }
      : {}),
    input: ({ params: { fileName, language, transcript }, outputs }) => ({
      source: (outputs.import as ImportOutput).source,
      name: fileName,
      ...(language ? { language } : {}),
      ...(transcript ? { transcript } : {}),
    }),
  };
}
