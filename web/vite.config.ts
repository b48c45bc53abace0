// How the pages are built and served while developing. Reader, room and admin are chunks of their own because
// app/routes.ts imports every screen lazily; the gallery (gallery.html) is served by `npm run dev` only.
import { defineConfig } from 'vitest/config'

export default defineConfig({
  server: {
    port: 5173,
    proxy: { '/api': { target: 'http://localhost:8080', ws: true } },
  },
  build: {
    target: ['chrome109', 'firefox115', 'safari16.4'],
    cssTarget: ['chrome109', 'firefox115', 'safari16.4'],
    assetsInlineLimit: 0, // the content security policy has no data: for scripts and styles
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  test: { environment: 'node', include: ['src/**/*.test.{ts,tsx}'] },
})
