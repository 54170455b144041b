/** A transcript becomes the one of its video. Whoever comes second changes nothing: transcripts are written once. */
import type { RowChange } from '@reelfleet/core';
import type { TranscriptionOutput } from '@reelfleet/pipelines';

export function transcription(output: TranscriptionOutput, videoId: string): RowChange[] {
  const { transcript, captions, said, processingSeconds } = output;
  if (!said) return [];
  return [
    {
      op: 'keep',
      table: 'transcripts',
      values: {
        id: transcript.id,
        video_id: videoId,
        full_text: said.fullText,
        word_timestamps: said.words,
        segment_timestamps: said.segments,
        language: said.language,
        number_of_words: said.words.length,
        number_of_segments: said.segments.length,
        transcription_service: said.service,
        processing_time_seconds: processingSeconds,
        vtt_path: captions.uri,
      },
    },
  ];
}
