// Shows every state of the workbench process, as the program's own page does; the tests do the rest by evaluating.
window.workbench.subscribe('shell.workbench', ({ state, message }) => {
  document.querySelector('#workbench').textContent = message
  const item = document.createElement('li')
  item.textContent = state
  document.querySelector('#states').append(item)
})
