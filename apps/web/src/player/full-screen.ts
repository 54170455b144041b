/** Full screen and back: the whole player, or where a browser knows no such thing (a phone of Apple's) the video itself. */
export function toggleFullScreen(player: HTMLElement, video: HTMLVideoElement): void {
  if (document.fullscreenElement !== null) void document.exitFullscreen();
  else if (typeof player.requestFullscreen === 'function') player.requestFullscreen().catch(() => {});
  else (video as unknown as { webkitEnterFullscreen?(): void }).webkitEnterFullscreen?.();
}
