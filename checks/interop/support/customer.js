// The customer in front of the consent pages: cookies, forms as they are in the page, no script.
import { parse } from 'node-html-parser'
import { fetchAs, world } from './world.js'

const REDIRECTS_AT_MOST = 10

/** One browser of the customer's. It stops where it leaves the platform, and says where to. */
class Browser {
  #cookies = new Map()
  #fetch = fetchAs(null)

  async open(address, fields) {
    for (let hops = 0; hops < REDIRECTS_AT_MOST; hops += 1) {
      if (![world.issuer, world.portal].includes(new URL(address).origin)) return { left: new URL(address) }
      const answer = await this.#ask(address, fields)
      const location = answer.headers.get('location')
      if (location === null) return { address, root: parse(await answer.text()) }
      address = new URL(location, address).href
      fields = undefined
    }
    throw new Error('redirected too often')
  }

  /** Send the page's form that has this field, with what was filled in. */
  send(page, name, filled) {
    const form = page.root.querySelectorAll('form').find((each) => each.querySelector(`[name="${name}"]`))
    if (!form) throw new Error(`no form with ${name}: ${page.root.text.trim().slice(0, 300)}`)
    const hidden = form.querySelectorAll('input[type=hidden]')
    const fields = Object.fromEntries(hidden.map((each) => [each.getAttribute('name'), each.getAttribute('value')]))
    const action = new URL(form.getAttribute('action') ?? page.address, page.address)
    return this.open(action.href, { ...fields, ...filled })
  }

  async #ask(address, fields) {
    const headers = { accept: 'text/html', 'accept-language': 'en' }
    if (this.#cookies.size) headers.cookie = [...this.#cookies].map((each) => each.join('=')).join('; ')
    const sent = fields && { method: 'POST', body: new URLSearchParams(fields) }
    const answer = await this.#fetch(address, { ...sent, headers, redirect: 'manual' })
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)
      this.#cookies.set(name, value)
    }
    return answer
  }
}

/** Sign in on the portal and answer the newest question that came another way (CIBA). */
export async function answersAtHome(answer = 'yes') {
  const browser = new Browser()
  const { name, passphrase } = world.customer
  let page = await browser.open(`${world.portal}/my/questions`)
  page = await browser.send(page, 'passphrase', { name, passphrase })
  const asked = page.root.querySelectorAll('a[href*="/my/questions/cns_"]').at(-1)
  page = await browser.open(new URL(asked.getAttribute('href'), page.address).href)
  const words = page.root.text
  const account = page.root.querySelector('input[type=checkbox]')
  const chosen = { [account.getAttribute('name')]: account.getAttribute('value') }
  await browser.send(page, 'answer', { ...chosen, answer })
  return words
}

/** Sign in, choose the first account, and answer. Returns where the browser is sent. */
export async function answers(authorizationUrl, answer = 'yes') {
  const browser = new Browser()
  const { name, passphrase } = world.customer
  let page = await browser.open(authorizationUrl.href)
  page = await browser.send(page, 'passphrase', { name, passphrase })
  const account = page.root.querySelector('input[type=checkbox]')
  const chosen = { [account.getAttribute('name')]: account.getAttribute('value') }
  page = await browser.send(page, 'answer', { ...chosen, answer })
  if (!page.left) throw new Error(`the answer led nowhere: ${page.root.text.trim().slice(0, 300)}`)
  return page.left
}
