"""What mail systems say, by class, in French, English, German, Spanish and Japanese: ours, from what such systems say.

Words are folded (bodytext.fold): lower case, no Western accents, one space. "…" stands for up to 60 characters. A line
of PROOFS decides alone; what decides only together with others stands in hints.py.
"""

from __future__ import annotations

from disclosure.mail.received import MailClass as M

_GAP = 60


def listed(text: str) -> tuple[str, ...]:
    """Phrases with bars between."""
    return tuple(phrase for phrase in (part.strip() for part in " ".join(text.split()).split("|")) if phrase)


# --- subjects, anchored at their beginning: "Re:" before them is a person's answer to one ----------------------------

SUBJECTS: dict[M, tuple[str, ...]] = {
    M.MDN_DELETED: listed(
        """
        not read: | non lu | ungelesen: | no leido: | no leidos: | 未開封: | nicht gelesen:
        """
    ),
    M.MDN_DISPLAYED: listed(
        """
        read: | lu : | lu: | gelesen: | leido: | 開封済み: | read receipt | return receipt (displayed) |
        accuse de lecture | lesebestatigung | confirmacion de lectura | 開封確認
        """
    ),
    M.BOUNCE_DELAYED: listed(
        """
        delivery delayed | delayed mail | warning: message | warning: could not send message for past |
        delivery status notification (delay) | remise differee | remise retardee | zustellung verzogert |
        entrega retrasada | mail delivery delayed | message delayed | delayed: | retarde: | verzogert: |
        retrasado: | 配信遅延 | 配信の遅延
        """
    ),
    M.BOUNCE_PERMANENT: listed(
        """
        undeliverable | undelivered mail | delivery failure | mail delivery failed | returned mail |
        failure notice | mail system error | delivery status notification (failure) | delivery has failed |
        message not delivered | undelivered: | delivery notification: | non remis | echec de la remise |
        echec de remise | message non distribue | non distribuable | courrier non distribue | unzustellbar |
        nicht zugestellt | zustellung fehlgeschlagen | unzustellbare nachricht | no se puede entregar |
        no entregado | no entregable | error de entrega | correo devuelto | 配信不能 | 配信できませんでした |
        配達不能 | 送信できませんでした | 未配信 | rejected: | mail failure | nondeliverable |
        mail delivery failure | retour de message | mail undeliverable
        """
    ),
    M.LIST_HOLD: listed(
        """
        your message to…awaits moderator | your message to…awaits approval | message held for moderation |
        votre message pour…attend | votre message a…en attente | votre message pour…en attente |
        message en attente de moderation | ihre nachricht an…moderator | su mensaje para…moderador |
        su mensaje a…espera | …の承認待ち | message distribution | moderation de votre message |
        your message to…is being held | your message to…pending approval
        """
    ),
    M.CHALLENGE: listed(
        """
        please confirm your message | confirm your email to | verify your email to | sender verification |
        your email requires verification | action required: verify | authentifiez votre |
        confirmez votre envoi | confirmez votre message | verification de l'expediteur | absenderverifizierung |
        bitte bestatigen sie ihre nachricht | confirme su mensaje | 送信者確認 | verification required |
        demande d'authentification | veuillez vous authentifier | your message is awaiting verification
        """
    ),
    M.QUARANTINE: listed(
        """
        message quarantined | quarantined | your message was quarantined | mail quarantined |
        message mis en quarantaine | votre message a ete mis en quarantaine | mise en quarantaine |
        nachricht in quarantane | mensaje en cuarentena | 隔離されました
        """
    ),
    M.AUTO_REPLY: listed(
        """
        automatic reply | auto reply | auto-reply | autoreply | out of office | out of the office | ooo: |
        vacation | auto response | autoresponse | auto: | [auto-reply] | on vacation | away from my mail |
        on leave | annual leave | i am away | i'm away | reponse automatique | absence du bureau |
        absent du bureau | absence | absent | en conges | message d'absence | absente | conges |
        je suis absent | indisponible | message automatique d'absence | automatische antwort | abwesenheit |
        abwesend | im urlaub | autom. antwort | ausser haus | nicht im buro | respuesta automatica |
        fuera de la oficina | ausencia | ausente | de vacaciones | 自動応答 | 自動返信 | 不在 | 不在通知 |
        不在のお知らせ | 休暇中 | 【自動応答】 | 【自動返信】 | [自動返信]
        """
    ),
    M.TICKET_AUTO_ACK: listed(
        """
        ticket received | request received | we have received your | we received your |
        your request has been received | new ticket | your ticket has been | ticket created | case created |
        a ticket has been | your support request | confirmation of receipt | accuse de reception |
        accuse reception | votre demande a bien ete | votre demande a ete | nous avons bien recu votre |
        ticket cree | confirmation de reception | prise en compte de votre demande | bonne reception de votre |
        eingangsbestatigung | ihre anfrage ist | ihr ticket | ihre anfrage wurde | wir haben ihre |
        empfangsbestatigung | hemos recibido su | acuse de recibo | su solicitud ha |
        confirmacion de recepcion | solicitud recibida | お問い合わせを受け付け | お問い合わせありがとう |
        受付完了 | 受付確認 | 受け付けました | thank you for contacting | thanks for contacting |
        merci de nous avoir contact | ticket ouvert | incident ouvert
        """
    ),
}

# --- bodies ----------------------------------------------------------------------------------------------------------

PROOFS: dict[M, tuple[str, ...]] = {
    M.MDN_DELETED: listed(
        """
        was deleted without being read | a ete supprime sans avoir ete lu | a ete supprime sans etre lu |
        wurde geloscht, ohne gelesen | ungelesen geloscht | fue eliminado sin | se elimino sin leer |
        開封されずに削除
        """
    ),
    M.MDN_DISPLAYED: listed(
        """
        your message…was read on | return receipt for the mail |
        this receipt only acknowledges that the message was displayed | votre message…a ete lu le |
        ceci est un accuse de lecture | wurde am…gelesen | se leyo el | fue leido el | 開封されました |
        this is a return receipt for | this is a read receipt
        """
    ),
    M.LIST_HOLD: listed(
        """
        is being held until the list moderator | held until the list moderator | awaiting moderator approval |
        pending moderator approval | post to moderated list | post by non-member to a members-only list |
        is awaiting approval by | has been forwarded to the moderator |
        your message for list…has been forwarded to editor | en attente d'approbation par le moderateur |
        transmis aux moderateurs | a ete transmis au moderateur | attend l'approbation du moderateur |
        en attente de moderation | retenu jusqu'a ce que le moderateur | soumis a l'approbation |
        en attente de l'approbation | wartet auf die genehmigung | zur freigabe durch den moderator |
        vom moderator…genehmigt | bis ein moderator | esperando la aprobacion del moderador |
        retenido hasta que | 司会者の承認 | モデレーターの承認 | 承認待ち | your message to the group…moderat |
        will be posted once a moderator | must be approved by a moderator
        """
    ),
    M.CHALLENGE: listed(
        """
        click…to deliver your message | click…to release your message | verify that you are a real |
        prove that you are human | to confirm that you are a real person | confirm that you sent |
        please reply to this message to confirm | sender verification | has not been delivered yet…confirm |
        i need to verify that you | before your message can be delivered | not yet on my list of |
        added to my list of approved senders | to have your message delivered | is protected by a challenge |
        to prove you are not a | votre message est en attente…cliqu | authentifiez-vous | afin d'authentifier |
        pour que votre message soit remis | vous identifier comme expediteur |
        pour que votre message me parvienne | confirmer que vous etes bien |
        prouver que vous n'etes pas un robot | vous n'etes pas encore autorise | um ihre nachricht zuzustellen |
        bestatigen sie…dass sie ein mensch | absender zu verifizieren | para que su mensaje sea entregado |
        confirme que usted es una persona | メールを配信するには | 送信者であることを確認 | solve the captcha |
        resoudre le captcha
        """
    ),
    M.QUARANTINE: listed(
        """
        has been quarantined | was quarantined | been placed in quarantine | held in quarantine |
        moved to quarantine | mis en quarantaine | mise en quarantaine | place en quarantaine | in quarantane |
        unter quarantane | en cuarentena | 隔離されました | 検疫
        """
    ),
    M.AUTO_REPLY: listed(
        """
        i am out of the office | i'm out of the office | i am out of office | i'm out of office |
        i am currently out of | i will be out of the office | i am currently away | i'm currently away |
        i am on annual leave | i'm on annual leave | i am on vacation | i'm on vacation | i am on holiday |
        i am on leave | i'm on leave | i am on parental leave | i am on maternity leave | away from the office |
        limited access to email | limited access to my email | no access to my email | no access to email |
        i will respond when i return | upon my return | on my return | i no longer work | no longer works |
        no longer with the company | has left the company | is no longer employed |
        this mailbox is not monitored | this mailbox is no longer monitored | this is an automatic reply |
        this is an automated reply | this is an auto-reply | automatic response from |
        is an unmonitored mailbox | mailbox is not monitored | this inbox is not monitored |
        currently on leave | currently out of the office | je suis absent | je suis actuellement absent |
        je suis en conge | je suis actuellement en conge | absent du bureau | je serai absent |
        serai de retour le | a mon retour | je suis en deplacement | je suis indisponible |
        actuellement indisponible | en mon absence | durant mon absence | pendant mon absence |
        je ne fais plus partie | ne travaille plus | a quitte l'entreprise | a quitte la societe |
        ceci est une reponse automatique | reponse automatique | cette boite n'est plus |
        cette boite n'est pas consultee | cette adresse n'est plus | conge maternite | conge parental |
        acces limite a ma messagerie | acces limite a mes mails | nos bureaux sont fermes |
        our office is closed | our offices are closed | ich bin nicht im buro | ich bin derzeit nicht |
        ich bin momentan nicht | bin ich nicht im haus | ich bin im urlaub | ich befinde mich |
        ich bin abwesend | nicht erreichbar | bin ich wieder erreichbar | wahrend meiner abwesenheit |
        in dringenden fallen wenden | ich bin ab…wieder | dies ist eine automatische antwort |
        automatisch generierte antwort | nicht mehr im unternehmen | nicht mehr bei…tatig |
        nach meiner ruckkehr | nicht weitergeleitet | estoy fuera de la oficina | estare fuera de la oficina |
        me encuentro fuera | estoy de vacaciones | estare ausente | estoy ausente | me encuentro de vacaciones |
        a mi regreso | a mi vuelta | en mi ausencia | durante mi ausencia | esta es una respuesta automatica |
        ya no trabaja | ya no trabajo | acceso limitado a mi correo | 不在にして | 不在です | 不在となり |
        休暇をいただ | 休暇中 | お休みをいただ | 外出して | 出張中 | 自動応答 | 自動返信 | 自動的に送信 |
        退職いたし | 退職しました | 休業
        """
    ),
    M.TICKET_AUTO_ACK: listed(
        """
        a ticket has been created | a ticket has been opened | your ticket number is | your ticket has been |
        your request has been received | your request has been logged | your request has been registered |
        your request has been assigned | your case number is | case has been created |
        your message has been received | has been assigned the ticket | has been assigned ticket |
        your reference number is | your request number is | this is an automated message |
        this is an automatic message | this message was generated automatically | automatically generated |
        this is an automated acknowledgement | this is an automated acknowledgment |
        this is an automated response | this e-mail was sent automatically | do not reply to this |
        please type your reply above this line | reply above this line | someone will get back to you |
        a member of our team will | one of our agents will | we will get back to you within |
        we aim to respond within | will be in touch shortly | your submission has been received |
        nous accusons reception de votre | nous accusons bonne reception | accuse reception de votre |
        votre demande a bien ete | votre demande a ete enregistree | votre demande a ete prise en compte |
        votre message a bien ete recu | votre message a bien ete | votre message a ete enregistre |
        votre mail a bien ete | votre courriel a bien ete | votre ticket | un ticket a ete |
        a ete cree sous le numero | sous la reference | sera traite dans les | sera traitee dans les |
        ne pas repondre a ce | merci de ne pas repondre | ceci est un message automatique |
        message genere automatiquement | message envoye automatiquement | ce mail est automatique |
        un conseiller vous repondra | nous vous repondrons dans les | reponse vous sera apportee |
        ihre anfrage ist bei uns eingegangen |
        ihre nachricht ist bei uns eingegangen | ihre e-mail ist bei uns eingegangen | ihre anfrage wurde |
        ihre ticketnummer | unter der ticketnummer | ein ticket wurde | wurde ein ticket |
        automatisch erstellt | automatisch generiert | automatisch versendet | eingangsbestatigung |
        bitte antworten sie nicht auf diese | 
        schnellstmoglich bearbeite | 
        su solicitud ha sido |
        su numero de ticket | se ha creado un ticket | numero de caso | mensaje generado automaticamente |
        este es un mensaje automatico | no responda a este | le responderemos | acusamos recibo |
        受け付けいたしました | 受け付けました | 受付いたしました | 受付番号 | お問い合わせ番号 |
        お問い合わせいただき | お問合せいただき | 自動送信 | 自動配信 | 返信しないで | 返信いただいても |
        送信専用 | 担当者より | 担当者から | ご連絡いたしますので | 自動的にお送り
        """
    ),
}


def says(text: str, phrases: tuple[str, ...]) -> int:
    """How many of ``phrases`` stand in folded ``text``."""
    return sum(_stands(text, phrase) >= 0 for phrase in phrases)


def begins(text: str, phrases: tuple[str, ...]) -> bool:
    return any(_stands(text[:160], phrase) == 0 for phrase in phrases)


def _stands(text: str, phrase: str) -> int:
    """Where ``phrase`` begins in ``text``, or -1."""
    if "…" not in phrase:
        return text.find(phrase)
    first, second = phrase.split("…", 1)
    at = text.find(first)
    for _ in range(20):
        if at < 0:
            return -1
        end = at + len(first)
        if text.find(second, end, end + _GAP + len(second)) >= 0:
            return at
        at = text.find(first, at + 1)
    return -1
