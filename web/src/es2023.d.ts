// What Chromium 109, Firefox 115 and Safari 16.4 have of ES2023. Not the whole library: toSorted and its like came
// with Chromium 110 and must not compile here.
interface ReadonlyArray<T> {
  findLast<S extends T>(test: (value: T, index: number, all: readonly T[]) => value is S): S | undefined
  findLast(test: (value: T, index: number, all: readonly T[]) => boolean): T | undefined
  findLastIndex(test: (value: T, index: number, all: readonly T[]) => boolean): number
}
interface Array<T> {
  findLast<S extends T>(test: (value: T, index: number, all: T[]) => value is S): S | undefined
  findLast(test: (value: T, index: number, all: T[]) => boolean): T | undefined
  findLastIndex(test: (value: T, index: number, all: T[]) => boolean): number
}
