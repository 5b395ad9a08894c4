/** A run measures the tasks of all runs that it goes on from again: what was one in its analysis is a list. */
export const earlierTasks = `
  UPDATE runs
  SET analysis = json_remove(
    json_set(analysis, '$.earlierTasks', json_array(json_extract(analysis, '$.earlierTask'))),
    '$.earlierTask'
  )
  WHERE json_type(analysis, '$.earlierTask') = 'object';
`
