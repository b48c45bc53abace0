import { describe, expect, it } from 'vitest'
import { firstView } from '../images/view'
import { newer, readPicture } from './pictures'

const view = firstView({ rows: 100, columns: 200, frames: 3 })
const told = (over: object = {}) => ({ kind: 'image', image: 'img_1', presenter: 'usr_a', rev: 5, ...view, ...over })
const read = (over: object = {}) => {
  const picture = readPicture(told(over))
  if (picture === null) throw new Error('not read')
  return picture
}

describe('a picture on the stage', () => {
  it('is read whole or not at all', () => {
    expect(read().centre).toEqual({ x: 100, y: 50 })
    expect(read({ grey: { centre: 40, width: 400 } }).grey?.width).toBe(400)
    for (const over of [
      { image: 7 },
      { zoom: 'large' },
      { turn: 4 },
      { centre: { x: 1 } },
      { grey: { centre: 1 } },
      { marks: [{ frame: 0, from: { x: 1, y: 2 } }] },
      { rev: undefined },
    ])
      expect(readPicture(told(over))).toBeNull()
    expect(readPicture('image')).toBeNull()
  })

  it('follows the newest word; of my own moves only the number', () => {
    const first = read()
    expect(newer(first, read({ rev: 4, frame: 2 }), 'usr_b').frame).toBe(0)
    expect(newer(first, read({ rev: 6, frame: 2 }), 'usr_b').frame).toBe(2)
    expect(newer(first, read({ rev: 6, frame: 2 }), 'usr_a')).toEqual({ ...first, rev: 6 })
    // Somebody else's came between: my own word that is told again is the newest then.
    const theirs = newer(first, read({ rev: 6, presenter: 'usr_b', frame: 1 }), 'usr_a')
    expect(newer(theirs, read({ rev: 7, frame: 2 }), 'usr_a').frame).toBe(2)
  })
})
