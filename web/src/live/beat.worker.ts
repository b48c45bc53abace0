// The clock behind beat.ts, in a worker of its own.
setInterval(() => postMessage(null), 1000)
